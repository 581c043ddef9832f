package dev.coffey.model.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.coffey.kernels.Pooling;
import dev.coffey.model.BatchRunner;
import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.ScoreFunction;
import dev.coffey.model.TextInput;
import dev.coffey.model.tokenize.Encoding;
import dev.coffey.model.tokenize.Overlap;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.model.tokenize.TooLongException;
import dev.coffey.model.tokenize.Truncation;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/// What the pipelines' cases do not reach: windows, limits, bad requests.
class TaskEdgesTest {
  private static final Tokenizer TOKENIZER = Tokenizers.open();

  /// Ten tokens and two specials.
  private static final String TEN = "the film the film the film the film the film";

  @AfterAll
  static void close() {
    TOKENIZER.close();
  }

  // ---- windows of Classify and Embed

  /// Windows of 8, 8 and 6 tokens (6, 6 and 4 of the text, each 3 further on).
  @Test
  void classify_windows_meanOfLogitsByTokens() {
    TextFit fit = new TextFit.Windows(Overlap.exactly(3));
    List<Encoding> windows = fit.encode(TOKENIZER, TEN, null, 8);
    assertThat(windows).extracting(Encoding::tokens).containsExactly(8, 8, 6);
    BatchRunner model = Tokenizers.model(input -> Tokenizers.row(input.tokens() == 8 ? 1 : 12, 0));
    List<LabelScore> labels =
        Classification.prepare(windows, List.of("a", "b"), ScoreFunction.NONE, 0).run(model);
    assertThat(labels.getFirst().score()).isCloseTo((8 + 8 + 6 * 12) / 22f, within(1e-6f));
  }

  @Test
  void windows_defaultOverlap_isAQuarterOrHalfOfWhatFits() {
    assertThat(TextFit.windows(8).encode(TOKENIZER, TEN, null, 8))
        .extracting(Encoding::tokens)
        .containsExactly(8, 8);
    assertThat(TextFit.windows(12).encode(TOKENIZER, TEN, null, 12)).hasSize(1);
    // The second text leaves 2 tokens a window, of which one overlaps.
    assertThat(TextFit.windows(12).encode(TOKENIZER, TEN, "the film the film the film the", 12))
        .hasSize(9);
  }

  @Test
  void embed_windows_meanOfVectorsBeforeAnyScaling() {
    List<Encoding> windows =
        new TextFit.Windows(Overlap.exactly(0)).encode(TOKENIZER, TEN, null, 10);
    assertThat(windows).extracting(Encoding::tokens).containsExactly(10, 4);
    BatchRunner model =
        Tokenizers.model(input -> {
          assertThat(((Readout.Pooled) input.readouts().getFirst()).normalize()).isFalse();
          return input.tokens() == 10 ? Tokenizers.row(7, 0, 1) : Tokenizers.row(0, 14, 1);
        });
    Readout.Pooled scaled = new Readout.Pooled(List.of(Pooling.MEAN), true);
    assertThat(Embedding.prepare(windows, scaled.scaled(false), 2, false).run(model))
        .containsExactly(5, 4);
    float length = (float) Math.sqrt(42);
    assertThat(Embedding.prepare(windows, scaled, 2, false).run(model))
        .containsExactly(new float[] {5 / length, 4 / length}, within(1e-6f));
    assertThat(Embedding.prepare(windows, scaled, 0, true).run(model))
        .containsExactly(new float[] {5 / length, 4 / length, 1 / length}, within(1e-6f));
  }

  /// The folder's own scaling comes before the cut; what the request asks for, after it.
  @Test
  void embed_oneWindow_scalesWhereSentenceTransformersDoes() {
    List<Encoding> text = TextFit.refuse().encode(TOKENIZER, TEN, null, 12);
    BatchRunner model =
        Tokenizers.model(input ->
            ((Readout.Pooled) input.readouts().getFirst()).normalize()
                ? Tokenizers.row(0.6f, 0.8f)
                : Tokenizers.row(3, 4));
    Readout.Pooled folder = new Readout.Pooled(List.of(Pooling.MEAN), true);
    assertThat(Embedding.prepare(text, folder, 0, false).run(model)).containsExactly(0.6f, 0.8f);
    assertThat(Embedding.prepare(text, folder, 1, false).run(model)).containsExactly(0.6f);
    assertThat(Embedding.prepare(text, folder, 1, true).run(model)).containsExactly(1);
    Readout.Pooled plain = folder.scaled(false);
    assertThat(Embedding.prepare(text, plain, 0, false).run(model)).containsExactly(3, 4);
    assertThat(Embedding.prepare(text, plain, 0, true).run(model)).containsExactly(0.6f, 0.8f);
  }

  @Test
  void cosine_zeros_areZero() {
    assertThat(Embedding.cosine(new float[2], new float[] {1, 2})).isZero();
    assertThat(Embedding.cosine(new float[] {3e30f, 0}, new float[] {-3e30f, 0})).isEqualTo(-1);
  }

  // ---- fill-mask

  @Test
  void fillMask_badRequests_sayWhatIsWrong() {
    MaskFilling filling = new MaskFilling(TOKENIZER, 8);
    assertThatThrownBy(() -> filling.prepare(TEN + " [MASK]", Truncation.RIGHT, 5, List.of()))
        .hasMessage(
            "no mask token in the text that truncation left; write [MASK] where a token is to be found");
    assertThatThrownBy(() -> filling.prepare("[MASK]", Truncation.NONE, 5, List.of("the", " ")))
        .hasMessage("the target ' ' has no token; give words of the vocabulary");
    assertThatThrownBy(() -> filling.prepare("[MASK]", Truncation.NONE, -1, List.of()))
        .hasMessage("top_k is -1; expected 0 (all) or more");
    assertThatExceptionOfType(TooLongException.class)
        .isThrownBy(() -> filling.prepare("[MASK] " + TEN, Truncation.NONE, 5, List.of()));
  }

  /// Padding is a candidate as any, but is not seen in the sentence.
  @Test
  void fillMask_paddingIsBest_leavesTheSentenceShorter() {
    BatchRunner model =
        Tokenizers.model(input -> {
          float[] logits = new float[TOKENIZER.vocabularySize()];
          logits[0] = 50;
          logits[TOKENIZER.id("film").orElseThrow()] = 49;
          return Tokenizers.row(logits);
        });
    List<MaskCandidate> candidates =
        new MaskFilling(TOKENIZER, 8)
            .prepare("the [MASK] .", Truncation.NONE, 2, List.of())
            .run(model)
            .getFirst();
    assertThat(candidates).extracting(MaskCandidate::id).startsWith(0);
    assertThat(candidates).extracting(MaskCandidate::sentence).containsExactly("the.", "the film.");
  }

  /// Breaks if padding is left out only where all specials are: beside a second mask they are
  /// shown.
  @Test
  void fillMask_paddingIsBestOfTwoMasks_otherSpecialsStay() {
    BatchRunner model =
        Tokenizers.model(input -> {
          int vocabulary = TOKENIZER.vocabularySize();
          float[] logits = new float[2 * vocabulary];
          logits[0] = 50;
          logits[vocabulary] = 50;
          return new Matrix(2, vocabulary, logits);
        });
    List<List<MaskCandidate>> masks =
        new MaskFilling(TOKENIZER, 8)
            .prepare("the [MASK] [MASK] .", Truncation.NONE, 1, List.of())
            .run(model);
    assertThat(masks)
        .hasSize(2)
        .allSatisfy(candidates ->
            assertThat(candidates)
                .extracting(MaskCandidate::sentence)
                .containsExactly("[CLS] the [MASK]. [SEP]"));
  }

  // ---- tag

  /// "B-LOC-X" is the entity "LOC-X", and "MISC-Y", which has no B- or I-, is "Y", as in Hugging
  /// Face's pipeline.
  @Test
  void tag_labelsOfOtherForms_areNamedAsHuggingFaceNamesThem() {
    Tagging tagging = new Tagging(TOKENIZER, 12, List.of("O", "B-LOC-X", "I-LOC-X", "MISC-Y"));
    BatchRunner model = Tokenizers.model(tags(0, 1, 2, 3, 3, 2, 1, 0, 0, 0, 0, 0));
    List<Entity> entities =
        tagging.prepare(TEN, TextFit.refuse(), Aggregation.SIMPLE, Tagging.IGNORED).run(model);
    assertThat(entities).extracting(Entity::label).containsExactly("LOC-X", "Y", "LOC-X", "LOC-X");
    assertThat(entities)
        .extracting(Entity::word)
        .containsExactly("the film", "the film", "the", "film");
    assertThat(entities).extracting(entity -> entity.span().start()).containsExactly(0, 9, 18, 22);
    List<Entity> tokens =
        tagging.prepare(TEN, TextFit.refuse(), Aggregation.NONE, Set.of("O", "MISC-Y")).run(model);
    assertThat(tokens)
        .extracting(Entity::label)
        .containsExactly("B-LOC-X", "I-LOC-X", "I-LOC-X", "B-LOC-X");
  }

  @Test
  void tag_windows_longerEntityWinsWhereTwoOverlap() {
    Tagging tagging = new Tagging(TOKENIZER, 8, List.of("O", "B-A", "I-A"));
    // The first window ends within an entity that the second one sees whole: tokens 4 to 7.
    BatchRunner model =
        inputs -> {
          assertThat(inputs).hasSize(2);
          return List.of(
              List.of(tags(0, 0, 0, 0, 0, 1, 2, 0).apply(inputs.getFirst())),
              List.of(tags(0, 1, 2, 2, 2, 0, 0, 0).apply(inputs.getLast())));
        };
    TextFit fit = new TextFit.Windows(Overlap.exactly(2));
    String different = "the film was good and the story was not bad";
    assertThat(tagging.prepare(different, fit, Aggregation.SIMPLE, Tagging.IGNORED).run(model))
        .extracting(entity -> entity.span().text())
        .containsExactly("and the story was");
  }

  /// The best label of each row.
  private static Function<TextInput, Matrix> tags(int... best) {
    return input -> {
      int columns = 4;
      float[] logits = new float[input.tokens() * columns];
      for (int i = 0; i < input.tokens(); i++) {
        logits[i * columns + best[i]] = 9;
      }
      return new Matrix(input.tokens(), columns, logits);
    };
  }

  // ---- answer

  @Test
  void answer_badRequests_sayWhatIsWrong() {
    Answering answering = new Answering(TOKENIZER, 12);
    Answering.Options plain = Answering.Options.DEFAULT;
    assertThatThrownBy(() -> answering.prepare("", "x", plain))
        .hasMessageContaining("empty question");
    assertThatThrownBy(() -> answering.prepare("x", "", plain))
        .hasMessageContaining("empty context");
    assertThatThrownBy(() -> answering.prepare(TEN, TEN, plain))
        .hasMessageContaining("leave no room for a window");
    assertThatThrownBy(() -> answering.prepare("film ?", TEN, options(1, 13, 2)))
        .hasMessage("window_tokens is 13; this model reads at most 12");
    assertThatThrownBy(() -> answering.prepare("film ?", TEN, options(1, 9, 4)))
        .hasMessageContaining("an overlap of 4 tokens, but a window holds 4 tokens of the text");
    assertThatThrownBy(() -> options(0, 9, 2)).hasMessage("top_k is 0; expected 1 or more");
  }

  private static Answering.Options options(int topK, int windowTokens, int overlap) {
    return new Answering.Options(
        topK, 15, OptionalInt.of(windowTokens), OptionalInt.of(overlap), false, true, true);
  }

  /// A context of spaces has no token that could be an answer.
  @Test
  void answer_contextWithoutTokens_hasNoAnswers() {
    BatchRunner model =
        Tokenizers.model(input -> new Matrix(input.tokens(), 2, new float[2 * input.tokens()]));
    Answering answering = new Answering(TOKENIZER, 12);
    assertThat(answering.prepare("film ?", "  ", Answering.Options.DEFAULT).run(model)).isEmpty();
    Answering.Options noAnswer =
        new Answering.Options(3, 15, OptionalInt.empty(), OptionalInt.empty(), true, true, true);
    List<Answer> answers = answering.prepare("film ?", "  ", noAnswer).run(model);
    assertThat(answers).hasSize(1);
    assertThat(answers.getFirst().span()).isEmpty();
    assertThat(answers.getFirst().score()).isEqualTo(1);
  }

  /// Fewer spans exist than are asked for: those that end before they start are none.
  @Test
  void answer_moreAskedThanThereAre_givesThoseThatThereAre() {
    BatchRunner model =
        Tokenizers.model(input -> new Matrix(input.tokens(), 2, new float[2 * input.tokens()]));
    Answering.Options many =
        new Answering.Options(
            100, 15, OptionalInt.empty(), OptionalInt.empty(), false, true, false);
    List<Answer> answers =
        new Answering(TOKENIZER, 12).prepare("film ?", "good bad film", many).run(model);
    assertThat(answers)
        .extracting(answer -> answer.span().orElseThrow().text())
        .containsExactly("good", "good bad", "good bad film", "bad", "bad film", "film");
  }
}
