#!/bin/sh
# Makes the AOT cache beside the server's jar: classes loaded and linked, and methods' profiles, as a server had them that
# started with the launcher's options, answered a call and ended. The build runs this, and the launcher where the cache is
# missing or older than the jar, a library or the options.
#
#   train.sh JAVA_HOME FOLDER        FOLDER has coffey-server.jar, lib and jvm.options, and gets coffey.aot and, above it,
#                                    training.log
#
# A cache that can't be made is no error: starts are slower then. It is said on stderr, and an empty file says that it was
# tried.
set -euf
java="$1/bin/java"
app="$2"
jar="$app/coffey-server.jar"
cache="$app/coffey.aot"
out="$app/../training.out"
log="$app/../training.log"

if [ -f "$cache" ] && [ -z "$(find "$jar" "$app/lib" "$app/jvm.options" -newer "$cache")" ]; then exit 0; fi
rm -f "$cache"
: >"$out"
# Without the user's settings: the cache is for all of them.
for setting in $(set | sed -n 's/^\(COFFEY_[A-Z_]*\)=.*/\1/p'); do unset "$setting"; done
"$java" "@$app/jvm.options" -XX:AOTCacheOutput="$cache.$$" -cp "$jar" \
  dev.coffey.server.Main serve --port 0 >"$out" 2>"$log" </dev/null &
trainee=$!
trap 'kill -KILL "$trainee"; rm -f "$cache.$$"; exit 130' INT
trap 'kill -KILL "$trainee"; rm -f "$cache.$$"; exit 143' TERM
port=""
while [ -z "$port" ] && kill -0 "$trainee" 2>/dev/null; do
  sleep 0.2
  port="$(sed -n 's/^coffey: serving .* on 127\.0\.0\.1:\([0-9]*\);.*/\1/p' "$out")"
done
if [ -n "$port" ] &&
  "$java" "@$app/jvm.options" -cp "$jar" dev.coffey.server.Main classify --target "127.0.0.1:$port" \
    "a charming and often affecting journey" >>"$out" 2>>"$log" </dev/null; then
  kill -TERM "$trainee"
  wait "$trainee" || rm -f "$cache.$$"
else
  # What a server that failed leaves behind is no good either.
  kill -KILL "$trainee" 2>/dev/null || :
  wait "$trainee" 2>>"$log" || :
  rm -f "$cache.$$"
fi
if [ -f "$cache.$$" ]; then
  mv "$cache.$$" "$cache"
else
  : >"$cache"
  echo "coffey: no cache for faster starts could be made; the log is $log" >&2
fi
