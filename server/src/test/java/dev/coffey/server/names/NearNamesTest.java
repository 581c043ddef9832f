package dev.coffey.server.names;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NearNamesTest {
  private static final List<String> NAMES = List.of("batch.max-delay", "batch.max-texts", "sst2");

  @Test
  void of_typoOrPartOfAName_findsIt() {
    assertThat(NearNames.of("batch.max_delay", NAMES).getFirst()).isEqualTo("batch.max-delay");
    assertThat(NearNames.of("max-texts", NAMES)).containsExactly("batch.max-texts");
    assertThat(NearNames.of("SST3", NAMES)).containsExactly("sst2");
  }

  @Test
  void of_nothingAlike_isEmpty() {
    assertThat(NearNames.of("zzzzzz", NAMES)).isEmpty();
    assertThat(NearNames.of("", List.of("abcdef"))).isEmpty();
  }

  @Test
  void distance_knownPairs_isLevenshteins() {
    assertThat(NearNames.distance("kitten", "sitting")).isEqualTo(3);
    assertThat(NearNames.distance("", "abc")).isEqualTo(3);
    assertThat(NearNames.distance("same", "same")).isZero();
  }
}
