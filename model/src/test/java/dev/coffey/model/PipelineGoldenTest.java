package dev.coffey.model;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.model.Pipelines.Case;
import dev.coffey.model.Pipelines.Pipeline;
import dev.coffey.model.checkpoint.SentenceConfig;
import dev.coffey.model.task.Aggregation;
import dev.coffey.model.task.Answer;
import dev.coffey.model.task.Answering;
import dev.coffey.model.task.BiEncoder;
import dev.coffey.model.task.Classification;
import dev.coffey.model.task.CrossEncoder;
import dev.coffey.model.task.Entity;
import dev.coffey.model.task.LabelScore;
import dev.coffey.model.task.MaskCandidate;
import dev.coffey.model.task.MaskFilling;
import dev.coffey.model.task.PreparedTask;
import dev.coffey.model.task.Ranked;
import dev.coffey.model.task.Ranking;
import dev.coffey.model.task.Span;
import dev.coffey.model.task.Tagging;
import dev.coffey.model.task.TextFit;
import dev.coffey.model.task.ZeroShot;
import dev.coffey.model.tokenize.Encoding;
import dev.coffey.model.tokenize.Overlap;
import dev.coffey.model.tokenize.Truncation;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Text to answer against Hugging Face's pipelines, on every backend: labels, order, text and
/// offsets equal, numbers within each case's tolerance.
final class PipelineGoldenTest {
  private static final TextFit CUT = new TextFit.Whole(Truncation.RIGHT);

  static Stream<Arguments> backends() {
    return Backends.usable().stream().map(backend -> Arguments.of(backend.name(), backend));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("backends")
  void textClassification(String backend, KernelsProvider provider) {
    Pipelines.check(provider, "text-classification", PipelineGoldenTest::classify);
  }

  private static void classify(Pipeline pipeline, Case c) {
    JsonNode input = c.input();
    String text = input.isTextual() ? input.textValue() : input.get("text").textValue();
    String pair = input.isTextual() ? null : input.get("text_pair").textValue();
    List<Encoding> encodings = CUT.encode(pipeline.tokenizer(), text, pair, pipeline.maxTokens());
    ModelConfig config = pipeline.model().config();
    JsonNode activation = c.params().path("function_to_apply");
    ScoreFunction function =
        activation.isTextual()
            ? ScoreFunction.valueOf(activation.textValue().toUpperCase(Locale.ROOT))
            : config.scoreFunction();
    assertLabels(
        c,
        Classification.prepare(encodings, config.labels(), function, c.topK())
            .run(pipeline.model()),
        c.expected().findValuesAsText("label"),
        c.expected().findValues("score"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("backends")
  void zeroShot(String backend, KernelsProvider provider) {
    Pipelines.check(provider, "zero-shot-classification", PipelineGoldenTest::zeroShot);
  }

  private static void zeroShot(Pipeline pipeline, Case c) {
    ZeroShot zeroShot =
        new ZeroShot(
            pipeline.tokenizer(), pipeline.maxTokens(), pipeline.model().config().labels());
    String text = c.input().textValue();
    JsonNode candidates = c.params().get("candidate_labels");
    List<String> labels =
        candidates.isTextual() ? List.of(candidates.textValue().split(", ")) : texts(candidates);
    String template = c.params().path("hypothesis_template").asText(ZeroShot.DEFAULT_TEMPLATE);
    boolean multiLabel = c.params().path("multi_label").asBoolean();
    if (c.fails()) {
      assertThatThrownBy(
              () -> zeroShot.prepare(text, Truncation.RIGHT, labels, template, multiLabel))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("empty text");
      return;
    }
    assertLabels(
        c,
        zeroShot
            .prepare(text, Truncation.RIGHT, labels, template, multiLabel)
            .run(pipeline.model()),
        texts(c.expected().get("labels")),
        list(c.expected().get("scores")));
  }

  private static void assertLabels(
      Case c, List<LabelScore> actual, List<String> labels, List<JsonNode> scores) {
    assertThat(actual)
        .as(c.toString())
        .extracting(LabelScore::label)
        .containsExactlyElementsOf(labels);
    for (int i = 0; i < actual.size(); i++) {
      c.assertNumber(actual.get(i).score(), scores.get(i), labels.get(i));
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("backends")
  void fillMask(String backend, KernelsProvider provider) {
    Pipelines.check(provider, "fill-mask", PipelineGoldenTest::fillMask);
  }

  private static void fillMask(Pipeline pipeline, Case c) {
    MaskFilling filling = new MaskFilling(pipeline.tokenizer(), pipeline.maxTokens());
    String text = c.input().textValue();
    List<String> targets = texts(c.params().path("targets"));
    if (c.fails()) {
      assertThatThrownBy(() -> filling.prepare(text, Truncation.NONE, c.topK(), targets))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("no mask token in the text; write [MASK] where a token is to be found");
      return;
    }
    List<List<MaskCandidate>> masks =
        filling.prepare(text, Truncation.NONE, c.topK(), targets).run(pipeline.model());
    // One mask: a list; several: a list of lists.
    List<JsonNode> expected =
        c.expected().get(0).isArray() ? list(c.expected()) : List.of(c.expected());
    assertThat(masks).as(c.toString()).hasSameSizeAs(expected);
    for (int m = 0; m < masks.size(); m++) {
      List<MaskCandidate> candidates = masks.get(m);
      assertThat(candidates).as(c.toString()).hasSameSizeAs(list(expected.get(m)));
      for (int i = 0; i < candidates.size(); i++) {
        JsonNode want = expected.get(m).get(i);
        MaskCandidate got = candidates.get(i);
        assertThat(got.id()).as(c.toString()).isEqualTo(want.get("token").intValue());
        assertThat(got.token()).as(c.toString()).isEqualTo(want.get("token_str").textValue());
        assertThat(got.sentence()).as(c.toString()).isEqualTo(want.get("sequence").textValue());
        c.assertNumber(got.score(), want.get("score"), got.token());
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("backends")
  void tokenClassification(String backend, KernelsProvider provider) {
    Pipelines.check(provider, "token-classification", PipelineGoldenTest::tag);
  }

  private static void tag(Pipeline pipeline, Case c) {
    JsonNode params = c.params();
    String text = c.input().textValue();
    TextFit fit =
        params.has("stride")
            ? new TextFit.Windows(Overlap.exactly(params.get("stride").intValue()))
            : CUT;
    List<Entity> entities =
        new Tagging(pipeline.tokenizer(), pipeline.maxTokens(), pipeline.model().config().labels())
            .prepare(
                text,
                fit,
                Aggregation.valueOf(
                    params.get("aggregation_strategy").textValue().toUpperCase(Locale.ROOT)),
                params.has("ignore_labels")
                    ? Set.copyOf(texts(params.get("ignore_labels")))
                    : Tagging.IGNORED)
            .run(pipeline.model());
    assertThat(entities).as(c.toString()).hasSameSizeAs(list(c.expected()));
    for (int i = 0; i < entities.size(); i++) {
      JsonNode want = c.expected().get(i);
      Entity got = entities.get(i);
      String label = want.has("entity") ? "entity" : "entity_group";
      assertThat(got.label()).as(c.toString()).isEqualTo(want.get(label).textValue());
      assertThat(got.word()).as(c.toString()).isEqualTo(want.get("word").textValue());
      assertSpan(c, got.span(), text, want);
      c.assertNumber(got.score(), want.get("score"), got);
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("backends")
  void questionAnswering(String backend, KernelsProvider provider) {
    Pipelines.check(provider, "question-answering", PipelineGoldenTest::answer);
  }

  private static void answer(Pipeline pipeline, Case c) {
    answer(pipeline, c, true, c.expected());
    if (c.json().has("expected_unmerged")) {
      answer(pipeline, c, false, c.json().get("expected_unmerged"));
    }
  }

  private static void answer(Pipeline pipeline, Case c, boolean merge, JsonNode expected) {
    JsonNode params = c.params();
    String context = c.input().get("context").textValue();
    Answering.Options options =
        new Answering.Options(
            params.path("top_k").asInt(1),
            params.path("max_answer_len").asInt(15),
            optional(params, "max_seq_len"),
            optional(params, "doc_stride"),
            params.path("handle_impossible_answer").asBoolean(false),
            params.path("align_to_words").asBoolean(true),
            merge);
    PreparedTask<List<Answer>> task =
        new Answering(pipeline.tokenizer(), pipeline.maxTokens())
            .prepare(c.input().get("question").textValue(), context, options);
    assertThat(task.inputs())
        .as(c.toString())
        .extracting(TextInput::tokens)
        .containsExactlyElementsOf(
            list(c.json().get("windows")).stream().map(JsonNode::intValue).toList());
    List<Answer> answers = task.run(pipeline.model());
    assertThat(answers).as(c.toString()).hasSameSizeAs(list(expected));
    for (int i = 0; i < answers.size(); i++) {
      JsonNode want = expected.get(i);
      Answer got = answers.get(i);
      if (want.get("answer").textValue().isEmpty()) {
        assertThat(got.span()).as(c.toString()).isEmpty();
      } else {
        assertThat(got.span()).as(c.toString()).isPresent();
        assertSpan(c, got.span().orElseThrow(), context, want);
        assertThat(got.span().orElseThrow().text()).isEqualTo(want.get("answer").textValue());
      }
      c.assertNumber(got.score(), want.get("score"), got);
    }
  }

  private static OptionalInt optional(JsonNode params, String name) {
    return params.has(name) ? OptionalInt.of(params.get(name).intValue()) : OptionalInt.empty();
  }

  /// Where it should be, and the text that is there, by code points and by bytes.
  private static void assertSpan(Case c, Span span, String text, JsonNode want) {
    assertThat(span.start()).as(c.toString()).isEqualTo(want.get("start").intValue());
    assertThat(span.end()).as(c.toString()).isEqualTo(want.get("end").intValue());
    int from = text.offsetByCodePoints(0, span.start());
    int to = text.offsetByCodePoints(0, span.end());
    assertThat(span.text()).as(c.toString()).isEqualTo(text.substring(from, to));
    byte[] bytes = text.getBytes(UTF_8);
    assertThat(new String(bytes, span.startByte(), span.endByte() - span.startByte(), UTF_8))
        .as(c.toString())
        .isEqualTo(span.text());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("backends")
  void featureExtraction(String backend, KernelsProvider provider) {
    Pipelines.check(provider, "feature-extraction", PipelineGoldenTest::features);
  }

  private static void features(Pipeline pipeline, Case c) {
    Encoding text =
        CUT.encode(pipeline.tokenizer(), c.input().textValue(), null, pipeline.maxTokens())
            .getFirst();
    Matrix hidden =
        pipeline
            .model()
            .run(List.of(TextInput.of(text, List.of(new Readout.Hidden()))))
            .getFirst()
            .getFirst();
    assertThat(hidden.rows()).as(c.toString()).isEqualTo(c.expected().size());
    for (int row = 0; row < hidden.rows(); row++) {
      for (int column = 0; column < hidden.columns(); column++) {
        c.assertNumber(
            hidden.at(row, column),
            c.expected().get(row).get(column),
            "row " + row + ", column " + column);
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("backends")
  void rerank(String backend, KernelsProvider provider) {
    Pipelines.check(provider, "rerank", PipelineGoldenTest::rerank);
  }

  private static void rerank(Pipeline pipeline, Case c) {
    ScoreFunction function =
        switch (c.params().get("activation").textValue()) {
          case "sigmoid" -> ScoreFunction.SIGMOID;
          case "identity" -> ScoreFunction.NONE;
          default -> pipeline.rank().function();
        };
    Ranking ranking =
        new CrossEncoder(
            pipeline.tokenizer(),
            pipeline.maxTokens(),
            function,
            c.input().get("query").textValue(),
            Truncation.RIGHT);
    List<Float> scores =
        texts(c.input().get("documents")).stream()
            .map(document -> ranking.prepare(document).run(pipeline.model()))
            .toList();
    if (!c.params().has("top_k")) {
      assertThat(scores).hasSameSizeAs(list(c.expected()));
      for (int i = 0; i < scores.size(); i++) {
        c.assertNumber(scores.get(i), c.expected().get(i), "document " + i);
      }
      return;
    }
    List<Ranked> ranked = Ranking.order(scores, c.topK());
    assertThat(ranked)
        .as(c.toString())
        .extracting(Ranked::index)
        .containsExactlyElementsOf(
            list(c.expected()).stream().map(node -> node.get("corpus_id").intValue()).toList());
    for (int i = 0; i < ranked.size(); i++) {
      c.assertNumber(ranked.get(i).score(), c.expected().get(i).get("score"), ranked.get(i));
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("backends")
  void sentenceSimilarity(String backend, KernelsProvider provider) {
    Pipelines.check(provider, "sentence-similarity", PipelineGoldenTest::similarity);
  }

  private static void similarity(Pipeline pipeline, Case c) {
    SentenceConfig sentence = pipeline.sentence().orElseThrow();
    List<String> texts = texts(c.input());
    for (int i = 0; i < texts.size(); i++) {
      Ranking ranking =
          new BiEncoder(
              pipeline.tokenizer(),
              pipeline.maxTokens(),
              new Readout.Pooled(sentence.poolings(), sentence.normalize()),
              texts.get(i),
              "",
              Truncation.RIGHT);
      for (int j = 0; j < texts.size(); j++) {
        c.assertNumber(
            ranking.prepare(texts.get(j)).run(pipeline.model()),
            c.expected().get(i).get(j),
            i + " with " + j);
      }
    }
  }

  private static List<String> texts(JsonNode array) {
    return list(array).stream().map(JsonNode::textValue).toList();
  }

  private static List<JsonNode> list(JsonNode array) {
    List<JsonNode> nodes = new ArrayList<>();
    array.forEach(nodes::add);
    return nodes;
  }
}
