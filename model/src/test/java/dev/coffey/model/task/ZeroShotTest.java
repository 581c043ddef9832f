package dev.coffey.model.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.coffey.model.BatchRunner;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.model.tokenize.TooLongException;
import dev.coffey.model.tokenize.Truncation;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class ZeroShotTest {
  private static final Tokenizer TOKENIZER = Tokenizers.open();
  private static final List<String> ENTAILMENT_LAST =
      List.of("contradiction", "neutral", "ENTAILMENT");
  private static final List<String> ENTAILMENT_FIRST =
      List.of("Entails", "neutral", "contradiction");

  @AfterAll
  static void close() {
    TOKENIZER.close();
  }

  @Test
  void entailment_isTheFirstLabelThatBeginsSo() {
    assertThat(ZeroShot.entailment(ENTAILMENT_LAST)).hasValue(2);
    assertThat(ZeroShot.entailment(ENTAILMENT_FIRST)).hasValue(0);
    assertThat(ZeroShot.entailment(List.of("not_entailment", "entailment"))).hasValue(1);
    assertThat(ZeroShot.entailment(List.of("good", "bad"))).isEmpty();
    assertThat(ZeroShot.entailment(List.of("entailment"))).as("nothing to contrast it").isEmpty();
    assertThatThrownBy(() -> new ZeroShot(TOKENIZER, 32, List.of("good", "bad")))
        .hasMessageContaining("a label that begins with 'entail'; this one has [good, bad]");
  }

  /// Logits 3, 1, 0: with one label the contrast is 3 to 0 whatever stands first.
  @Test
  void prepare_multiLabel_contrastsWithContradiction() {
    double expected = 1 / (1 + Math.exp(-3));
    for (boolean first : new boolean[] {true, false}) {
      BatchRunner model =
          Tokenizers.model(_ -> first ? Tokenizers.row(3, 1, 0) : Tokenizers.row(0, 1, 3));
      ZeroShot zeroShot = new ZeroShot(TOKENIZER, 32, first ? ENTAILMENT_FIRST : ENTAILMENT_LAST);
      List<LabelScore> scores =
          zeroShot
              .prepare("a film", Truncation.NONE, List.of("x", "y"), "It is {}.", true)
              .run(model);
      assertThat(scores).extracting(LabelScore::label).containsExactly("x", "y");
      assertThat(scores)
          .allSatisfy(s -> assertThat(s.score()).isCloseTo((float) expected, within(1e-7f)));
      List<LabelScore> single =
          zeroShot.prepare("a film", Truncation.NONE, List.of("x"), "It is {}.", false).run(model);
      assertThat(single.getFirst().score()).isCloseTo((float) expected, within(1e-7f));
    }
  }

  @Test
  void run_sameLabelTwice_isComputedOnce() {
    AtomicInteger computed = new AtomicInteger();
    BatchRunner model =
        Tokenizers.model(input -> {
          computed.incrementAndGet();
          return Tokenizers.row(0, 0, input.tokens());
        });
    ZeroShot zeroShot = new ZeroShot(TOKENIZER, 32, ENTAILMENT_LAST);
    List<LabelScore> scores =
        zeroShot
            .prepare("a film", Truncation.NONE, List.of("x", "y z", "x"), "It is {}.", false)
            .run(model);
    assertThat(computed).hasValue(2);
    assertThat(scores).extracting(LabelScore::index).containsExactly(1, 0, 2);
  }

  @Test
  void prepare_longText_isCutAndTheHypothesisIsNot() {
    ZeroShot zeroShot = new ZeroShot(TOKENIZER, 12, ENTAILMENT_LAST);
    String text = "the film the film the film the film";
    PreparedTask<List<LabelScore>> task =
        zeroShot.prepare(text, Truncation.RIGHT, List.of("good", "bad"), "It is {}.", false);
    // [CLS] 5 tokens [SEP] it is good . [SEP]
    assertThat(task.tokens()).isEqualTo(24);
    assertThat(task.cut()).isEqualTo(6);
    assertThatExceptionOfType(TooLongException.class)
        .isThrownBy(
            () -> zeroShot.prepare(text, Truncation.NONE, List.of("good"), "It is {}.", false));
    assertThatThrownBy(() ->
            zeroShot.prepare(
                text,
                Truncation.RIGHT,
                List.of("good"),
                "It is a film of the film of the film {}.",
                false))
        .hasMessageContaining("the text that is kept whole has");
  }

  @Test
  void prepare_badRequests_sayWhatIsWrong() {
    refused("", List.of("x"), "{}", "empty text");
    refused("a", List.of(), "{}", "no labels; give at least one");
    refused("a", List.of("x", " "), "{}", "label 1 is empty");
    refused("a", List.of("x"), "so it is", "the hypothesis template 'so it is' has no {}");
  }

  private static void refused(String text, List<String> labels, String template, String message) {
    ZeroShot zeroShot = new ZeroShot(TOKENIZER, 32, ENTAILMENT_LAST);
    assertThatThrownBy(() -> zeroShot.prepare(text, Truncation.NONE, labels, template, false))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
  }
}
