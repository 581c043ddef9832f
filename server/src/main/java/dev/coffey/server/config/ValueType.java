package dev.coffey.server.config;

import dev.coffey.kernels.Devices;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How the text of a setting becomes a value, and which values are allowed. Units stand in the
/// text.
final class ValueType<T> {
  private static final Pattern NUMBER_WITH_UNIT = Pattern.compile("([0-9]{1,15}) ?([A-Za-z]+)");
  private static final Map<String, Long> BYTE_UNITS =
      Map.of("B", 1L, "KiB", 1L << 10, "MiB", 1L << 20, "GiB", 1L << 30);
  private static final Map<String, Long> NANO_UNITS =
      Map.of(
          "us",
          1_000L,
          "ms",
          1_000_000L,
          "s",
          1_000_000_000L,
          "min",
          60_000_000_000L,
          "h",
          3_600_000_000_000L);

  private final String description;
  private final Function<String, Optional<T>> reader;

  private ValueType(String description, Function<String, Optional<T>> reader) {
    this.description = description;
    this.reader = reader;
  }

  /// What is allowed, for a person: "a count from 1 to 1024".
  String description() {
    return description;
  }

  /// The value; empty if the text stands for none that is allowed.
  Optional<T> read(String text) {
    return reader.apply(text);
  }

  /// A whole number.
  static ValueType<Integer> count(int least, int most) {
    return new ValueType<>(
        "a count from %d to %d".formatted(least, most), text -> integer(text, least, most));
  }

  /// A whole number, or a word that stands for none.
  static ValueType<OptionalInt> countOr(String word, int least, int most) {
    return new ValueType<>(
        "%s, or a count from %d to %d".formatted(word, least, most),
        text ->
            text.equals(word)
                ? Optional.of(OptionalInt.empty())
                : integer(text, least, most).map(OptionalInt::of));
  }

  /// Ordinals with commas between, each once, or the word for all.
  static ValueType<Devices> devices(int most) {
    return new ValueType<>(
        "all, or counts from 0 to %d with commas between, each once".formatted(most),
        text -> {
          if (text.equals("all")) {
            return Optional.of(Devices.ALL);
          }
          Set<Integer> ordinals = new LinkedHashSet<>();
          for (String part : text.split(",", -1)) {
            Optional<Integer> ordinal = integer(part.strip(), 0, most);
            if (ordinal.isEmpty() || !ordinals.add(ordinal.get())) {
              return Optional.empty();
            }
          }
          return Optional.of(new Devices(List.copyOf(ordinals)));
        });
  }

  /// A number of bytes with its unit.
  static ValueType<Integer> bytes(String least, String most) {
    long from = scaled(least, BYTE_UNITS).orElseThrow();
    long to = scaled(most, BYTE_UNITS).orElseThrow();
    return new ValueType<>(
        "a size from %s to %s (B, KiB, MiB, GiB)".formatted(least, most),
        text ->
            scaled(text, BYTE_UNITS)
                .filter(bytes -> bytes >= from && bytes <= to)
                .map(Math::toIntExact));
  }

  /// A length of time with its unit.
  static ValueType<Duration> duration(String least, String most) {
    long from = scaled(least, NANO_UNITS).orElseThrow();
    long to = scaled(most, NANO_UNITS).orElseThrow();
    return new ValueType<>(
        "a time from %s to %s (us, ms, s, min, h)".formatted(least, most),
        text ->
            scaled(text, NANO_UNITS)
                .filter(nanos -> nanos >= from && nanos <= to)
                .map(Duration::ofNanos));
  }

  /// One of a few words, in lower case.
  static <E extends Enum<E>> ValueType<E> choice(Class<E> type) {
    return choice(type, value -> value.name().toLowerCase(Locale.ROOT));
  }

  /// One of a few values, by the words that `word` gives them.
  static <E extends Enum<E>> ValueType<E> choice(Class<E> type, Function<E, String> word) {
    List<E> values = List.of(type.getEnumConstants());
    List<String> words = values.stream().map(word).toList();
    return new ValueType<>(
        "one of " + String.join(", ", words),
        text -> Optional.of(words.indexOf(text)).filter(i -> i >= 0).map(values::get));
  }

  /// A word that `pattern` matches.
  static ValueType<String> word(String description, String pattern) {
    Pattern compiled = Pattern.compile(pattern);
    return new ValueType<>(
        description, text -> Optional.of(text).filter(word -> compiled.matcher(word).matches()));
  }

  /// A path, or `none`.
  static ValueType<Optional<Path>> pathOrNone() {
    return new ValueType<>(
        "a path, or none",
        text -> {
          if (text.equals("none")) {
            return Optional.of(Optional.empty());
          }
          try {
            return text.isEmpty() ? Optional.empty() : Optional.of(Optional.of(Path.of(text)));
          } catch (InvalidPathException _) {
            return Optional.empty();
          }
        });
  }

  private static Optional<Integer> integer(String text, int least, int most) {
    if (!text.matches("[0-9]{1,10}")) {
      return Optional.empty();
    }
    long number = Long.parseLong(text);
    return number < least || number > most ? Optional.empty() : Optional.of((int) number);
  }

  private static Optional<Long> scaled(String text, Map<String, Long> units) {
    Matcher matcher = NUMBER_WITH_UNIT.matcher(text);
    if (!matcher.matches() || !units.containsKey(matcher.group(2))) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          Math.multiplyExact(Long.parseLong(matcher.group(1)), units.get(matcher.group(2))));
    } catch (ArithmeticException _) {
      return Optional.empty();
    }
  }
}
