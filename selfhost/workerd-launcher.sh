#!/bin/sh
# Starts workerd for the self-hosting program, which names it in MINIFLARE_WORKERD_PATH.
#
# 1. Notes its own process ID, which exec keeps, so that the next start can end a workerd that outlived a killed parent.
# 2. Replaces the well-known host name by which Miniflare's sockets accept RPC over CONNECT with a random one of the same length:
#    it would let whoever reaches the public port call the Worker's handlers directly.
# 3. Asks the kernel, where it can, to end workerd together with its parent.
set -eu
echo "$$" >"$MYELIN_WORKERD_PID_FILE"
config="$MYELIN_WORKERD_PID_FILE.config"
(umask 077 && LC_ALL=C sed "s/miniflare-unsafe-internal-capnp-connect/$MYELIN_CONNECT_HOST/g" >"$config")
exec <"$config"
rm -f "$config"
workerd=$MYELIN_WORKERD
unset MYELIN_CONNECT_HOST MYELIN_WORKERD MYELIN_WORKERD_PID_FILE MINIFLARE_WORKERD_PATH
# A session of its own, so that Ctrl-C in the terminal reaches the parent alone, which then lets requests finish.
trap '' INT HUP
if command -v setpriv >/dev/null 2>&1 && setpriv --pdeathsig KILL true 2>/dev/null; then
  set -- setpriv --pdeathsig KILL "$workerd" "$@"
else
  set -- "$workerd" "$@"
fi
if command -v setsid >/dev/null 2>&1; then
  exec setsid "$@"
fi
exec "$@"
