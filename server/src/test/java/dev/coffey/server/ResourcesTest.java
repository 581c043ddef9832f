package dev.coffey.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ResourcesTest {
  @Test
  void close_severalOpened_closesAllInReverseAlsoWhenSomeFail() {
    List<String> closed = new ArrayList<>();
    Resources resources = new Resources();
    resources.add(() -> closed.add("first"));
    resources.add(() -> {
      closed.add("second");
      throw new IllegalArgumentException("no");
    });
    resources.add(() -> {
      closed.add("third");
      throw new IllegalArgumentException("never");
    });
    assertThatThrownBy(resources::close)
        .hasMessage("closing failed: never")
        .satisfies(e -> assertThat(e.getSuppressed()).hasSize(1));
    assertThat(closed).containsExactly("third", "second", "first");
    resources.close();
    assertThat(closed).hasSize(3);
  }
}
