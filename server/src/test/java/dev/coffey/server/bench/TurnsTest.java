package dev.coffey.server.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TurnsTest {
  private final List<String> calls = new ArrayList<>();

  /// Says that the work takes `seconds`, without taking them.
  private Turns.Entry entry(String name, double seconds) {
    return new Turns.Entry(
        name,
        4,
        40,
        times -> {
          calls.add(name + times);
          return seconds * times;
        });
  }

  // Breaks if the ratio is turned round, or texts are counted for tokens.
  @Test
  void run_twoEntries_givesRatesAndHowMuchFasterTheFirstIs() throws InterruptedException {
    List<Turns.Result> results =
        new Turns(3, Duration.ofMillis(100), Duration.ZERO)
            .run(List.of(entry("fast", 0.01), entry("slow", 0.03)));
    assertThat(results.getFirst().ratio()).isNull();
    assertThat(results.getFirst().textsPerSecond().median()).isCloseTo(400, within(1e-6));
    assertThat(results.getFirst().tokensPerSecond().median()).isCloseTo(4000, within(1e-6));
    assertThat(results.getLast().milliseconds().median()).isCloseTo(30, within(1e-6));
    assertThat(results.getLast().ratio()).isNotNull();
    assertThat(results.getLast().ratio().median()).isCloseTo(3, within(1e-6));
    assertThat(results.getLast().ratio().count()).isEqualTo(3);
  }

  // Breaks if one entry always has the first turn, or a slice is not filled.
  @Test
  void run_rounds_beginWithAnotherEntryEach() throws InterruptedException {
    new Turns(2, Duration.ofMillis(100), Duration.ZERO)
        .run(List.of(entry("a", 0.025), entry("b", 0.2)));
    assertThat(calls).containsExactly("a1", "b1", "a1", "a4", "b1", "b1", "a1", "a4");
  }
}
