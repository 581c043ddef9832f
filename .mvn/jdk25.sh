# Sourced by mvnw and coffey: points JAVA_HOME at a JDK 25, or stops with one line.
# A JAVA_HOME that is set and is a JDK 25 wins; any other is overridden without a word.

jdk25_ok() {
  [ -n "${1-}" ] && [ -x "$1/bin/javac" ] && grep -q '^JAVA_VERSION="25[."]' "$1/release" 2>/dev/null
}

jdk25_find() {
  jdk25_onpath="$(command -v javac 2>/dev/null || :)"
  if [ -n "$jdk25_onpath" ] && jdk25_real="$(readlink -f "$jdk25_onpath" 2>/dev/null)"; then
    jdk25_onpath="${jdk25_real%/bin/javac}"
  fi
  jdk25_mac="$(/usr/libexec/java_home -v 25 2>/dev/null || :)"
  set +f
  # JVM_DIR is where a system keeps its JDKs; tests point it elsewhere.
  for jdk25_home in "${JAVA_HOME-}" "$jdk25_onpath" "${JVM_DIR:-/usr/lib/jvm}"/*25* \
    "${SDKMAN_DIR:-${HOME-}/.sdkman}"/candidates/java/25* "$jdk25_mac"; do
    if jdk25_ok "$jdk25_home"; then
      set -f
      printf '%s\n' "$jdk25_home"
      return 0
    fi
  done
  set -f
  return 1
}

JAVA_HOME="$(jdk25_find)" || {
  echo "${0##*/}: no JDK 25 found (JAVA_HOME, PATH, ${JVM_DIR:-/usr/lib/jvm}, SDKMAN, java_home); install one or set JAVA_HOME" >&2
  exit 1
}
export JAVA_HOME
