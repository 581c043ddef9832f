package dev.coffey.model.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.coffey.kernels.Pooling;
import dev.coffey.model.BatchRunner;
import dev.coffey.model.Readout;
import dev.coffey.model.task.Summarizing.Length;
import dev.coffey.model.tokenize.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class SummarizingTest {
  private static final Tokenizer TOKENIZER = Tokenizers.open();
  private static final Readout.Pooled POOLED = new Readout.Pooled(List.of(Pooling.MEAN), false);

  @AfterAll
  static void close() {
    TOKENIZER.close();
  }

  @Test
  void sentences_anyScript_haveTheirPlaces() {
    String text = " Crème brûlée 😀 is good.  Is it? 東京は日本の首都です。それだけ。\nYes!";
    List<Span> sentences = SentenceSplitter.of(text);
    assertThat(sentences)
        .extracting(Span::text)
        .containsExactly("Crème brûlée 😀 is good.", "Is it?", "東京は日本の首都です。", "それだけ。", "Yes!");
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    for (Span sentence : sentences) {
      assertThat(
              text.substring(
                  text.offsetByCodePoints(0, sentence.start()),
                  text.offsetByCodePoints(0, sentence.end())))
          .isEqualTo(sentence.text());
      assertThat(
              new String(
                  bytes,
                  sentence.startByte(),
                  sentence.endByte() - sentence.startByte(),
                  StandardCharsets.UTF_8))
          .isEqualTo(sentence.text());
    }
    assertThat(SentenceSplitter.of(" \n\u00A0 ")).isEmpty();
  }

  @Test
  void sentences_titlesAndInitials_endNone() {
    assertThat(
            SentenceSplitter.of(
                "Dr. Smith and Mrs. O'Hara met J. R. Doe. \"St. Paul (vs. No. 7)\" went on! Plan B. was gone.  He left St."))
        .extracting(Span::text)
        .containsExactly(
            "Dr. Smith and Mrs. O'Hara met J. R. Doe.",
            "\"St. Paul (vs. No. 7)\" went on!",
            "Plan B. was gone.",
            "He left St.");
  }

  @Test
  void sentences_emptyLine_endsOne() {
    assertThat(SentenceSplitter.of("A heading\r\n \r\nTwo\nlines. By J.\n\nSmith"))
        .extracting(Span::text)
        .containsExactly("A heading", "Two\nlines.", "By J.", "Smith");
  }

  /// Sentences of 3, 4, 5 … tokens have the directions below; the middle ones are nearest to all.
  @Test
  void prepare_directions_centralSentencesAreChosenInTheTextsOrder() {
    BatchRunner model =
        Tokenizers.model(input ->
            switch (input.tokens()) {
              case 4 -> Tokenizers.row(2, 0);
              case 5 -> Tokenizers.row(1, 1);
              case 6 -> Tokenizers.row(0, 5);
              default -> throw new AssertionError(input.tokens());
            });
    String text = "Film. The film. The film film.";
    List<SummarySentence> two = summary(text, new Length.Sentences(2), model);
    double diagonal = Math.sqrt(0.5);
    assertThat(two).extracting(s -> s.span().text()).containsExactly("Film.", "The film.");
    assertThat(two.get(0).score()).isCloseTo((float) ((1 + diagonal) / 3), within(1e-6f));
    assertThat(two.get(1).score()).isCloseTo((float) ((1 + 2 * diagonal) / 3), within(1e-6f));
    assertThat(summary(text, new Length.Ratio(0.34), model))
        .extracting(s -> s.span().start())
        .containsExactly(6);
    assertThat(summary(text, new Length.Sentences(9), model)).hasSize(3);
  }

  /// The first and the last are the best two, but say the same.
  @Test
  void prepare_repeatedSentence_isPassedOver() {
    BatchRunner model =
        Tokenizers.model(
            input -> input.tokens() == 5 ? Tokenizers.row(1, 0.5f) : Tokenizers.row(1, 0));
    String text = "Film. The film. Film.";
    assertThat(summary(text, new Length.Sentences(2), model))
        .extracting(s -> s.span().start())
        .containsExactly(0, 6);
    assertThat(summary(text, new Length.Sentences(3), model)).hasSize(3);
  }

  /// Windows of a sentence are merged; none of it is left out.
  @Test
  void prepare_longSentence_isReadInWindows() {
    PreparedTask<List<SummarySentence>> task =
        new Summarizing(TOKENIZER, 8, POOLED, "")
            .prepare("Film. The film the film the film the film.", Summarizing.DEFAULT_LENGTH);
    assertThat(task.inputs()).hasSize(3);
    assertThat(task.cut()).isZero();
    assertThat(task.run(Tokenizers.model(_ -> Tokenizers.row(1, 2)))).hasSize(2);
  }

  @Test
  void prepare_badRequests_sayWhatIsWrong() {
    assertThatThrownBy(() -> summary(" \n", Summarizing.DEFAULT_LENGTH, _ -> List.of()))
        .hasMessage("no sentence in the text; send more than spaces");
    assertThatThrownBy(() -> new Length.Sentences(0))
        .hasMessage("sentences is 0; expected 1 or more");
    for (double share : new double[] {0, -1, 1.01, Double.NaN}) {
      assertThatThrownBy(() -> new Length.Ratio(share))
          .hasMessageContaining("ratio is " + share + "; expected more than 0");
    }
  }

  private static List<SummarySentence> summary(String text, Length length, BatchRunner model) {
    return new Summarizing(TOKENIZER, 32, POOLED, "").prepare(text, length).run(model);
  }
}
