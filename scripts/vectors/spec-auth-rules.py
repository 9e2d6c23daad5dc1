"""Extracts the numbered authorization rules of every room version from the Matrix specification.

    python3 scripts/vectors/spec-auth-rules.py PATH_TO_MATRIX_SPEC_GIT_DIR > test/vectors/event-auth/spec-rules.json

The numbers are those that a reader of the rendered page sees: each list counts from one, whatever digits the source has.
"""

import json
import re
import subprocess
import sys

VERSIONS = [str(version) for version in range(1, 13)]
FRAGMENT = re.compile(r'rver-fragment name="(v\d+-auth-rules)"')
ITEM = re.compile(r"^( *)\d+\. +(.*)$")
INDENT = 4


def main(git_dir):
    def show(path):
        command = ["git", f"--git-dir={git_dir}", "show", f"HEAD:content/rooms/{path}"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def rules_of(version):
        page = show(f"v{version}.md")
        section = page.split("### Authorisation rules", 1)[1]
        fragment = FRAGMENT.search(section.split("\n### ", 1)[0])
        return parse(show(f"fragments/{fragment[1]}.md") if fragment else section)

    commit = subprocess.run(
        ["git", f"--git-dir={git_dir}", "log", "-1", "--format=%cs"], check=True, capture_output=True, text=True
    ).stdout.strip()
    lists = []
    for version in VERSIONS:
        rules = rules_of(version)
        if lists and lists[-1]["rules"] == rules:
            lists[-1]["versions"].append(version)
        else:
            lists.append({"versions": [version], "rules": rules})
    document = {
        "provenance": f"The Matrix specification (Apache-2.0), github.com/matrix-org/matrix-spec, state of {commit}; "
        "written by scripts/vectors/spec-auth-rules.py",
        "lists": lists,
    }
    json.dump(document, sys.stdout, indent=1, ensure_ascii=False)
    print()


def parse(text):
    """Number -> text of each item of the list that follows "the rules are as follows" or "the complete list of rules"."""
    start = re.search(r"rules are as follows:|complete list of rules.*:", text).end()
    lines = re.sub(r"{{%.*?%}}", "", text[start:], flags=re.S).split("\n")
    rules, path, current = {}, [], None
    for line in lines:
        item = ITEM.match(line)
        if item:
            level = len(item[1]) // INDENT
            path = path[: level + 1]
            path += [0] * (level + 1 - len(path))
            path[level] += 1
            current = ".".join(map(str, path))
            rules[current] = item[2].strip()
        elif current and line.startswith("  "):
            rules[current] = f"{rules[current]} {line.strip()}".strip()
        elif line.strip():
            break
    return rules


main(sys.argv[1])
