package dev.coffey.model.tokenize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class EncodingTest {
  @Test
  void ofIds_inRange_isOneSegment() {
    Encoding encoding = Encoding.ofIds(new int[] {2, 0, 9, 3}, 10, 4);
    assertThat(encoding.ids()).containsExactly(2, 0, 9, 3);
    assertThat(encoding.types()).containsExactly(0, 0, 0, 0);
    assertThat(encoding.tokens()).isEqualTo(4);
    assertThat(encoding.cut()).isZero();
  }

  @Test
  void ofIds_outsideTheVocabulary_namesIdAndPlace() {
    assertThatThrownBy(() -> Encoding.ofIds(new int[] {2, 10}, 10, 4))
        .hasMessage("token id 10 at place 1 is not in the vocabulary; ids are 0 to 9");
    assertThatThrownBy(() -> Encoding.ofIds(new int[] {-1}, 10, 4))
        .hasMessage("token id -1 at place 0 is not in the vocabulary; ids are 0 to 9");
  }

  @Test
  void ofIds_noneOrTooMany_areRefused() {
    assertThatThrownBy(() -> Encoding.ofIds(new int[0], 10, 4))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("give at least one");
    assertThatThrownBy(() -> Encoding.ofIds(new int[5], 10, 4))
        .isInstanceOf(TooLongException.class)
        .hasMessage("5 tokens, specials included; the limit is 4: send fewer ids");
  }
}
