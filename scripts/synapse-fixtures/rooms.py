"""What happens in the rooms. The same story in every version, with the chapters that the version knows."""

import random

from homeserver import Refused

RANDOM_FORKS = 5


def play(version, versions, creator, people, remote):
    """Plays one version; labels with the room ID and the version of each room."""
    number = int(version)
    space = creator.create_room(version, preset="public_chat", name="space", creation_content={"type": "m.space"})
    main = Story(version, creator, people, remote)
    main.found()
    main.moderate()
    main.redact()
    main.invite_remotely()
    if number >= 7:
        main.knock("knock")
    if number >= 8:
        main.restrict(space, "restricted")
    if number >= 10:
        main.restrict(space, "knock_restricted")
        main.knock("knock_restricted", also_local=False)
    main.reopen()
    main.demotion_and_ban()
    main.power_struggle()
    main.three_ways()
    main.from_long_ago()
    main.what_is_refused()
    for seed in range(RANDOM_FORKS):
        main.random_fork(random.Random(f"{version}/{seed}"))
    rooms = {"space": (space, version), "main": (main.id, version)}
    next_version = versions[min(versions.index(version) + 1, len(versions) - 1)]
    rooms[f"upgraded to {next_version}"] = (main.upgrade(next_version), next_version)
    return rooms


class Story:
    def __init__(self, version, creator, people, remote):
        self.version, self.number, self.creator, self.remote = version, int(version), creator, remote
        self.mod, self.user, self.guest, self.eve, self.kim, self.late = people
        self.one, self.two, self.three, self.four, self.five = (remote.user(f"r{n}v{version}") for n in range(1, 6))

    def found(self):
        """A room with members of both servers."""
        users = {} if self.number >= 12 else {self.creator.id: 100}
        self.id = self.creator.create_room(
            self.version,
            preset="public_chat",
            name=f"Version {self.version}",
            topic="Über alles 🙂",
            initial_state=[{"type": "m.room.server_acl", "state_key": "", "content": {"allow": ["*"], "deny": ["evil.test"]}}],
            power_level_content_override={"users": {**users, self.mod.id: 50}, "events": {"m.room.topic": 50, "m.room.power_levels": 100}},
        )
        for person in (self.mod, self.user, self.guest):
            person.join(self.id)
        self.room = self.remote.room(self.id, self.version)
        self.room.membership("join", self.one, displayname="One")
        self.room.membership("join", self.two)
        self.early = self.creator.say(self.id, "welcome")
        self.creator.levels(self.id, users={self.one: 50})
        self.user.set(self.id, "m.room.member", {"membership": "join", "displayname": "User"}, self.user.id)
        branch = self.branch()
        branch.say(self.one, "hello from afar")
        if self.number < 6:
            branch.send("m.room.aliases", self.one, {"aliases": [f"#a:{self.remote.name}"]}, self.remote.name)
        branch.send("org.example.state", self.one, {"nested": {"list": [1, -1, None, True, {"": ""}]}, "é": "ü"}, "key")
        self.room.send(branch)

    def branch(self):
        """A branch behind the room's present end, which is one message of the creator."""
        return self.room.branch(self.creator.say(self.id, "and now"))

    def moderate(self):
        """Kicks, bans, unbans, invitations and refusals between local users."""
        self.eve.join(self.id)
        self.mod.moderate("kick", self.id, self.eve.id)
        self.eve.join(self.id)
        self.mod.moderate("ban", self.id, self.eve.id)
        self.mod.moderate("unban", self.id, self.eve.id)
        self.mod.moderate("ban", self.id, self.guest.id)
        self.creator.set(self.id, "m.room.join_rules", {"join_rule": "invite"})
        self.mod.moderate("invite", self.id, self.eve.id)
        self.eve.leave(self.id)
        self.mod.moderate("invite", self.id, self.eve.id)
        self.mod.moderate("kick", self.id, self.eve.id)
        self.user.leave(self.id)
        self.creator.moderate("invite", self.id, self.user.id)
        self.user.join(self.id)
        branch = self.branch()
        branch.member(self.one, self.guest.id, "leave")
        branch.member(self.one, self.kim.id, "ban", reason="early")
        branch.member(self.one, self.kim.id, "leave")
        self.room.send(branch)

    def redact(self):
        """Redactions of messages and state, one's own and others', with the power and without."""
        spam = self.user.say(self.id, "spam")
        self.mod.redact(self.id, spam)
        own = self.user.say(self.id, "oops")
        self.user.redact(self.id, own)
        self.creator.redact(self.id, self.creator.set(self.id, "m.room.topic", {"topic": "wrong"}))
        other = self.user.say(self.id, "keep this")
        branch = self.branch()
        mine = branch.say(self.two, "mine")
        branch.redact(self.two, mine.event_id)
        branch.redact(self.one, other)
        branch.redact(self.two, other)
        self.room.send(branch)

    def invite_remotely(self):
        """Invitations across servers carry two signatures."""
        self.creator.moderate("invite", self.id, self.three)
        self.room.membership("join", self.three)
        self.creator.moderate("invite", self.id, self.four)
        self.room.membership("leave", self.four)

    def knock(self, rule, also_local=True):
        content = {"join_rule": rule}
        if rule == "knock_restricted":
            content["allow"] = []
        self.creator.set(self.id, "m.room.join_rules", content)
        if also_local:
            self.eve.knock(self.id)
            self.creator.moderate("invite", self.id, self.eve.id)
            self.eve.join(self.id)
            self.late.knock(self.id)
            self.late.leave(self.id)
        self.room.membership("knock", self.five, reason="let me in")
        self.creator.moderate("invite", self.id, self.five)
        self.room.membership("join", self.five)
        branch = self.branch()
        branch.member(self.five, self.five, "leave")
        self.room.send(branch)

    def restrict(self, space, rule):
        """Joins that a member of the room vouches for."""
        allow = [{"type": "m.room_membership", "room_id": space}]
        self.creator.set(self.id, "m.room.join_rules", {"join_rule": rule, "allow": allow})
        self.kim.join(space)
        self.kim.join(self.id)
        self.kim.leave(self.id)
        if rule == "restricted":
            self.remote.room(space, self.version).membership("join", self.four)
        self.room.membership("join", self.four)
        branch = self.branch()
        branch.member(self.four, self.four, "leave")
        self.room.send(branch)

    def reopen(self):
        self.creator.set(self.id, "m.room.join_rules", {"join_rule": "public"})

    def settle(self, *branches):
        """The branches arrive, and a message of the creator ends the fork."""
        self.room.send(*branches)
        return self.creator.say(self.id, "one room again")

    def demotion_and_ban(self):
        """A moderator acts while being demoted, a member speaks while being banned (soft failures among them)."""
        branch = self.branch()
        branch.send("m.room.topic", self.one, {"topic": "mine"}, "")
        branch.member(self.one, self.user.id, "leave")
        aside = branch.fork()
        branch.say(self.one, "still here")
        aside.say(self.two, "so am I")
        aside.member(self.two, self.two, "join", displayname="Two")
        self.creator.levels(self.id, users={self.one: 0})
        self.mod.moderate("ban", self.id, self.two)
        self.mod.set(self.id, "m.room.topic", {"topic": "ours"})
        self.settle(branch, aside)
        self.try_to(lambda: self.creator.moderate("unban", self.id, self.two))
        self.creator.levels(self.id, users={self.one: 100})
        self.room.membership("join", self.two)

    def power_struggle(self):
        """Both sides change the power levels; in old versions with levels that are strings."""
        branch = self.branch()
        branch.levels(self.one, users={self.two: 50}, **({"ban": "50", "kick": " +50 "} if self.number < 10 else {"ban": 50}))
        branch.send("m.room.join_rules", self.one, {"join_rule": "invite"}, "")
        branch.say(self.two, "thanks")
        self.creator.levels(self.id, users={self.user.id: 25}, events={"m.room.name": 75})
        self.kim.join(self.id)
        self.settle(branch)
        merged = self.branch()
        other = merged.fork()
        merged.levels(self.one, users={self.two: 60})
        other.levels(self.one, users={self.two: 0, self.three: 60})
        other.send("m.room.name", self.three, {"name": "no"}, "")
        ends = merged.fork()
        self.room.send(merged, other)
        # This server ends the fork itself.
        ends.heads = [*merged.heads, *other.heads]
        ends.say(self.one, "both")
        ends.send("m.room.topic", self.one, {"topic": "both"}, "")
        self.settle(ends)
        self.creator.levels(self.id, users={self.one: 100, self.two: 50}, ban=50, kick=50)

    def three_ways(self):
        self.reopen()
        first = self.branch()
        second, third = first.fork(), first.fork()
        first.member(self.one, self.user.id, "ban")
        first.send("m.room.history_visibility", self.one, {"history_visibility": "joined"}, "")
        second.member(self.two, self.late.id, "ban")
        second.member(self.three, self.three, "leave")
        third.send("m.room.topic", self.two, {"topic": "third"}, "")
        third.levels(self.one, users={self.mod.id: 0})
        self.mod.set(self.id, "m.room.topic", {"topic": "fourth"})
        self.late.join(self.id)
        self.settle(first, second, third)
        self.try_to(lambda: self.creator.moderate("unban", self.id, self.user.id))
        self.try_to(lambda: self.user.join(self.id))

    def from_long_ago(self):
        """A branch from before most of what happened."""
        branch = self.room.branch(self.early)
        branch.say(self.one, "old news")
        branch.member(self.two, self.two, "join", displayname="Old Two")
        branch.send("m.room.topic", self.two, {"topic": "nobody may"}, "")
        self.settle(branch)

    def what_is_refused(self):
        """Events that the rules refuse, an event that cites one of them, and a valid one behind them."""
        self.reopen()
        self.creator.levels(self.id, users={self.one: 100, self.two: 0, self.three: 0}, ban=50, kick=50)
        branch = self.branch()
        creator = branch.state[("m.room.create", "")]
        branch.add(branch.make("m.room.member", self.five, {"membership": "ban"}, self.two))
        levels = branch.make("m.room.power_levels", self.three, {"users": {self.three: 100}}, "")
        branch.add(levels)
        cites = [] if self.number >= 12 else [creator]
        member = branch.state[("m.room.member", self.two)]
        branch.add(branch.make("m.room.topic", self.two, {"topic": "x"}, "", auth=[*cites, member, levels]))
        branch.add(branch.make("m.room.message", self.two, {"body": "y"}, auth=[*cites, member, member]))
        # Allowed by what it cites, but not by the state before it.
        early = self.room.branch(self.early).state[("m.room.join_rules", "")]
        branch.member(self.one, self.five, "ban")
        branch.add(branch.make("m.room.member", self.five, {"membership": "join"}, self.five, auth=[*cites, early]))
        branch.say(self.two, "fine")
        self.settle(branch)
        self.try_to(lambda: self.creator.moderate("unban", self.id, self.five))

    def random_fork(self, rng):
        """Some of everything on two or three sides at once."""
        branches = [self.branch()]
        branches += [branches[0].fork() for _ in range(rng.randrange(2))]
        for branch in branches:
            for _ in range(rng.randrange(2, 6)):
                self.remote_action(branch, rng)
            branch.say(self.one, "end")
        for _ in range(rng.randrange(2, 5)):
            self.try_to(lambda: self.local_action(rng))
        self.settle(*branches)

    def try_to(self, action):
        """Does what the state of the room, which a fork may have changed, does not always allow."""
        try:
            action()
        except Refused:
            pass

    def remote_action(self, branch, rng):
        sender = rng.choice([self.one, self.one, self.two, self.three])
        target = rng.choice([self.two, self.three, self.user.id, self.late.id, self.kim.id, self.five])
        kind = rng.randrange(7)
        if kind == 0:
            branch.member(sender, target, rng.choice(["leave", "ban"]))
        elif kind == 1:
            # One of this server stays, or the room would tell it nothing any more.
            leaves = sender != self.one and rng.random() < 0.3
            branch.member(sender, sender, "leave" if leaves else "join", displayname=f"{rng.randrange(9)}")
        elif kind == 2:
            branch.levels(sender, users={target: rng.choice([0, 25, 50, 75])})
        elif kind == 3:
            branch.send("m.room.join_rules", sender, {"join_rule": rng.choice(["public", "invite"])}, "")
        elif kind == 4:
            own = rng.choice([self.two, self.three, self.five])
            branch.member(own, own, "join")
        else:
            branch.send(rng.choice(["m.room.topic", "m.room.name", "org.example.x"]), sender, self.words(rng), "")

    def local_action(self, rng):
        actor = rng.choice([self.creator, self.creator, self.mod, self.user])
        target = rng.choice([self.two, self.three, self.user.id, self.late.id, self.kim.id])
        kind = rng.randrange(6)
        if kind == 0:
            actor.moderate(rng.choice(["kick", "ban", "unban"]), self.id, target)
        elif kind == 1:
            actor.levels(self.id, users={target: rng.choice([0, 25, 50])})
        elif kind == 2:
            rng.choice([self.user, self.late, self.kim]).join(self.id)
        elif kind == 3:
            actor.set(self.id, "m.room.join_rules", {"join_rule": rng.choice(["public", "invite"])})
        else:
            actor.set(self.id, rng.choice(["m.room.topic", "m.room.name"]), self.words(rng))

    def words(self, rng):
        text = f"{rng.randrange(1000)}"
        return {"topic": text, "name": text}

    def upgrade(self, next_version):
        self.reopen()
        replacement = self.creator.upgrade(self.id, next_version)
        self.mod.join(replacement)
        room = self.remote.room(replacement, next_version)
        room.membership("join", self.one)
        branch = room.branch(self.creator.say(replacement, "a new beginning"))
        branch.say(self.one, "indeed")
        room.send(branch)
        self.creator.say(replacement, "good")
        return replacement
