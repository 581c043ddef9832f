package dev.coffey.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.coffey.proto.v1.Aggregation;
import dev.coffey.proto.v1.AnswerRequest;
import dev.coffey.proto.v1.AnswerResult;
import dev.coffey.proto.v1.AnswerSpan;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.EmbedRequest;
import dev.coffey.proto.v1.EmbedResult;
import dev.coffey.proto.v1.Embedding;
import dev.coffey.proto.v1.Entity;
import dev.coffey.proto.v1.FillMaskRequest;
import dev.coffey.proto.v1.FillMaskResult;
import dev.coffey.proto.v1.FilledMask;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.LabelScore;
import dev.coffey.proto.v1.MaskCandidate;
import dev.coffey.proto.v1.Normalization;
import dev.coffey.proto.v1.Question;
import dev.coffey.proto.v1.RankRequest;
import dev.coffey.proto.v1.RankResult;
import dev.coffey.proto.v1.RequestOptions;
import dev.coffey.proto.v1.ScoreActivation;
import dev.coffey.proto.v1.Span;
import dev.coffey.proto.v1.TagRequest;
import dev.coffey.proto.v1.TagResult;
import dev.coffey.proto.v1.TextPair;
import dev.coffey.proto.v1.Truncation;
import dev.coffey.proto.v1.ZeroShotRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Hugging Face's pipelines over gRPC: every case of `pipelines.json`, asked of a server that has
/// all their models. Labels, order, text and offsets are equal, numbers within the case's
/// tolerance, and what the pipelines refuse is refused.
final class PipelinesTest {
  private static final List<String> MODELS =
      List.of(
          "textcls",
          "textcls-multilabel",
          "tokcls",
          "fillmask",
          "nli",
          "nli-bert",
          "features",
          "qa",
          "qa-bert",
          "st-mean-norm",
          "st-cls",
          "st-max",
          "st-sqrt-weighted",
          "st-sqrt",
          "st-last-prompts",
          "st-dense-norm",
          "cross-encoder");

  private static final RequestOptions CUT =
      RequestOptions.newBuilder().setTruncation(Truncation.TRUNCATION_RIGHT).build();

  private static TestServer server;
  private static JsonNode cases;

  @BeforeAll
  static void start() throws IOException {
    server =
        TestServer.of(
            MODELS.stream()
                .map(TestModels::pipeline)
                .toArray(dev.coffey.model.checkpoint.ModelLocation[]::new));
    cases =
        new ObjectMapper()
            .readTree(TestModels.folder("golden/pipelines.json").toFile())
            .get("cases");
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "text-classification",
        "token-classification",
        "fill-mask",
        "zero-shot-classification",
        "feature-extraction",
        "question-answering",
        "sentence-embedding",
        "sentence-similarity",
        "rerank"
      })
  void everyCase_isAnsweredAsThePipelineDoes(String task) {
    int count = 0;
    for (JsonNode json : cases) {
      if (json.get("task").textValue().equals(task)) {
        check(new Case(json), task);
        count++;
      }
    }
    assertThat(count).as("cases of " + task).isPositive();
  }

  private static void check(Case c, String task) {
    switch (task) {
      case "text-classification" -> classify(c);
      case "token-classification" -> tag(c);
      case "fill-mask" -> fillMask(c);
      case "zero-shot-classification" -> zeroShot(c);
      case "feature-extraction" -> features(c);
      case "question-answering" -> answer(c);
      case "sentence-embedding" -> embed(c);
      case "sentence-similarity" -> similarity(c);
      case "rerank" -> rank(c);
      default -> throw new AssertionError("no RPC for " + task);
    }
  }

  private record Case(JsonNode json) {
    String model() {
      return json.get("model").textValue().substring("pipelines/".length());
    }

    JsonNode params() {
      return json.get("params");
    }

    JsonNode input() {
      return json.get("input");
    }

    JsonNode expected() {
      return json.get("expected");
    }

    int topK() {
      return params().path("top_k").asInt(0);
    }

    /// Within the case's tolerance, relative above 1.
    void number(double actual, JsonNode expected) {
      double number = expected.doubleValue();
      assertThat(Math.abs(actual - number))
          .as("%s: %s, expected %s", json.get("id"), actual, number)
          .isLessThanOrEqualTo(json.get("tolerance").doubleValue() * Math.max(1, Math.abs(number)));
    }

    /// Whether the pipeline refuses the input; if so, so must `error`.
    boolean refused(boolean hasError, Status error) {
      if (!expected().has("error")) {
        assertThat(hasError).as("%s: %s", json.get("id"), error).isFalse();
        return false;
      }
      assertThat(Code.forNumber(error.getCode()))
          .as(json.get("id").textValue())
          .isEqualTo(Code.INVALID_ARGUMENT);
      return true;
    }

    @Override
    public String toString() {
      return json.get("id").textValue();
    }
  }

  private static List<JsonNode> list(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).toList();
  }

  private static List<String> texts(JsonNode array) {
    return list(array).stream().map(JsonNode::textValue).toList();
  }

  private static Input text(String text) {
    return Input.newBuilder().setText(text).build();
  }

  private static ScoreActivation activation(JsonNode name) {
    return switch (name.asText("")) {
      case "softmax" -> ScoreActivation.SCORE_ACTIVATION_SOFTMAX;
      case "sigmoid" -> ScoreActivation.SCORE_ACTIVATION_SIGMOID;
      case "none", "identity" -> ScoreActivation.SCORE_ACTIVATION_NONE;
      default -> ScoreActivation.SCORE_ACTIVATION_UNSPECIFIED;
    };
  }

  private static void classify(Case c) {
    Input input =
        c.input().isTextual()
            ? text(c.input().textValue())
            : Input.newBuilder()
                .setPair(
                    TextPair.newBuilder()
                        .setFirst(c.input().get("text").textValue())
                        .setSecond(c.input().get("text_pair").textValue()))
                .build();
    var result =
        server
            .inference()
            .classify(
                ClassifyRequest.newBuilder()
                    .setModel(c.model())
                    .setOptions(CUT)
                    .setTopK(c.topK())
                    .setActivation(activation(c.params().path("function_to_apply")))
                    .addInputs(input)
                    .build())
            .getResults(0);
    if (!c.refused(result.hasError(), result.getError())) {
      labels(
          c,
          result.getClassification().getLabelsList(),
          c.expected().findValuesAsText("label"),
          c.expected().findValues("score"));
    }
  }

  private static void labels(
      Case c, List<LabelScore> actual, List<String> labels, List<JsonNode> scores) {
    assertThat(actual)
        .as(c.toString())
        .extracting(LabelScore::getLabel)
        .containsExactlyElementsOf(labels);
    for (int i = 0; i < labels.size(); i++) {
      c.number(actual.get(i).getScore(), scores.get(i));
    }
  }

  private static void zeroShot(Case c) {
    JsonNode candidates = c.params().get("candidate_labels");
    var result =
        server
            .inference()
            .zeroShot(
                ZeroShotRequest.newBuilder()
                    .setModel(c.model())
                    .setOptions(CUT)
                    .addAllLabels(
                        candidates.isTextual()
                            ? List.of(candidates.textValue().split(", "))
                            : texts(candidates))
                    .setHypothesisTemplate(c.params().path("hypothesis_template").asText(""))
                    .setMultiLabel(c.params().path("multi_label").asBoolean())
                    .addInputs(text(c.input().textValue()))
                    .build())
            .getResults(0);
    if (!c.refused(result.hasError(), result.getError())) {
      labels(
          c,
          result.getClassification().getLabelsList(),
          texts(c.expected().get("labels")),
          list(c.expected().get("scores")));
    }
  }

  private static void fillMask(Case c) {
    FillMaskResult result =
        server
            .inference()
            .fillMask(
                FillMaskRequest.newBuilder()
                    .setModel(c.model())
                    .setTopK(c.topK())
                    .addAllTargets(texts(c.params().path("targets")))
                    .addInputs(text(c.input().textValue()))
                    .build())
            .getResults(0);
    if (c.refused(result.hasError(), result.getError())) {
      return;
    }
    // One mask: a list; several: a list of lists.
    List<JsonNode> masks =
        c.expected().get(0).isArray() ? list(c.expected()) : List.of(c.expected());
    assertThat(result.getMasks().getMasksList()).as(c.toString()).hasSameSizeAs(masks);
    for (int m = 0; m < masks.size(); m++) {
      FilledMask mask = result.getMasks().getMasks(m);
      assertThat(mask.getCandidatesCount()).as(c.toString()).isEqualTo(masks.get(m).size());
      for (int i = 0; i < mask.getCandidatesCount(); i++) {
        MaskCandidate got = mask.getCandidates(i);
        JsonNode want = masks.get(m).get(i);
        assertThat(got.getTokenId()).as(c.toString()).isEqualTo(want.get("token").intValue());
        assertThat(got.getToken()).as(c.toString()).isEqualTo(want.get("token_str").textValue());
        assertThat(got.getSentence()).as(c.toString()).isEqualTo(want.get("sequence").textValue());
        c.number(got.getScore(), want.get("score"));
      }
    }
  }

  private static void tag(Case c) {
    String strategy = c.params().get("aggregation_strategy").textValue();
    JsonNode stride = c.params().path("stride");
    RequestOptions options =
        stride.isMissingNode()
            ? CUT
            : RequestOptions.newBuilder()
                .setTruncation(Truncation.TRUNCATION_WINDOW)
                .setWindowOverlap(stride.intValue())
                .build();
    String input = c.input().textValue();
    TagResult result =
        server
            .inference()
            .tag(
                TagRequest.newBuilder()
                    .setModel(c.model())
                    .setOptions(options)
                    .setAggregation(
                        Aggregation.valueOf("AGGREGATION_" + strategy.toUpperCase(Locale.ROOT)))
                    .addAllIgnoreLabels(texts(c.params().path("ignore_labels")))
                    .addInputs(text(input))
                    .build())
            .getResults(0);
    if (c.refused(result.hasError(), result.getError())) {
      return;
    }
    List<Entity> entities = result.getTagging().getEntitiesList();
    assertThat(entities).as(c.toString()).hasSize(c.expected().size());
    for (int i = 0; i < entities.size(); i++) {
      Entity got = entities.get(i);
      JsonNode want = c.expected().get(i);
      assertThat(got.getLabel())
          .as(c.toString())
          .isEqualTo(want.get(want.has("entity") ? "entity" : "entity_group").textValue());
      assertThat(got.getWord()).as(c.toString()).isEqualTo(want.get("word").textValue());
      assertSpan(c, got.getSpan(), input, want);
      c.number(got.getScore(), want.get("score"));
    }
  }

  /// The offsets are the expected ones, and the bytes and the text are those of the offsets.
  private static void assertSpan(Case c, Span span, String text, JsonNode want) {
    assertThat(List.of(span.getStart(), span.getEnd()))
        .as(c.toString())
        .containsExactly(want.get("start").intValue(), want.get("end").intValue());
    int start = text.offsetByCodePoints(0, span.getStart());
    int end = text.offsetByCodePoints(0, span.getEnd());
    assertThat(span.getText()).as(c.toString()).isEqualTo(text.substring(start, end));
    assertThat(List.of(span.getStartByte(), span.getEndByte()))
        .as(c.toString())
        .containsExactly(bytes(text.substring(0, start)), bytes(text.substring(0, end)));
  }

  private static int bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  private static void answer(Case c) {
    String context = c.input().get("context").textValue();
    JsonNode params = c.params();
    AnswerResult result =
        server
            .inference()
            .answer(
                AnswerRequest.newBuilder()
                    .setModel(c.model())
                    .setTopK(c.topK())
                    .setMaxAnswerTokens(params.path("max_answer_len").asInt(0))
                    .setDocStride(params.path("doc_stride").asInt(0))
                    .setWindowTokens(params.path("max_seq_len").asInt(0))
                    .setAllowNoAnswer(params.path("handle_impossible_answer").asBoolean())
                    .setPartialWords(!params.path("align_to_words").asBoolean(true))
                    .addInputs(
                        Question.newBuilder()
                            .setQuestion(c.input().get("question").textValue())
                            .setContext(context))
                    .build())
            .getResults(0);
    if (c.refused(result.hasError(), result.getError())) {
      return;
    }
    List<JsonNode> expected = c.expected().isArray() ? list(c.expected()) : List.of(c.expected());
    List<AnswerSpan> answers = result.getAnswers().getAnswersList();
    assertThat(answers).as(c.toString()).hasSameSizeAs(expected);
    for (int i = 0; i < answers.size(); i++) {
      AnswerSpan got = answers.get(i);
      JsonNode want = expected.get(i);
      c.number(got.getScore(), want.get("score"));
      assertThat(got.getSpan().getText())
          .as(c.toString())
          .isEqualTo(want.get("answer").textValue());
      if (got.hasSpan()) {
        assertSpan(c, got.getSpan(), context, want);
      }
    }
  }

  private static void features(Case c) {
    EmbedResult result =
        server
            .inference()
            .embed(
                EmbedRequest.newBuilder()
                    .setModel(c.model())
                    .setOptions(CUT)
                    .setPerToken(true)
                    .addInputs(text(c.input().textValue()))
                    .build())
            .getResults(0);
    if (!c.refused(result.hasError(), result.getError())) {
      vectors(c, result.getTokenEmbeddings().getTokensList());
    }
  }

  private static void embed(Case c) {
    JsonNode params = c.params();
    EmbedRequest.Builder request =
        EmbedRequest.newBuilder()
            .setModel(c.model())
            .setOptions(CUT)
            .setDimensions(params.path("truncate_dim").asInt(0))
            .setNormalization(
                params.path("normalize_embeddings").asBoolean()
                    ? Normalization.NORMALIZATION_ON
                    : Normalization.NORMALIZATION_UNSPECIFIED)
            .addAllInputs(texts(c.input()).stream().map(PipelinesTest::text).toList());
    if (params.has("prompt_name")) {
      request.setPromptName(params.get("prompt_name").textValue());
    } else if (params.has("prompt")) {
      request.setPrompt(params.get("prompt").textValue());
    }
    vectors(
        c,
        server.inference().embed(request.build()).getResultsList().stream()
            .map(EmbedResult::getEmbedding)
            .toList());
  }

  private static void vectors(Case c, List<Embedding> vectors) {
    assertThat(vectors).as(c.toString()).hasSize(c.expected().size());
    for (int i = 0; i < vectors.size(); i++) {
      JsonNode want = c.expected().get(i);
      assertThat(vectors.get(i).getValuesCount()).as(c.toString()).isEqualTo(want.size());
      for (int n = 0; n < want.size(); n++) {
        c.number(vectors.get(i).getValues(n), want.get(n));
      }
    }
  }

  /// The cosine of each text to all, by a bi-encoder's ranking.
  private static void similarity(Case c) {
    List<String> texts = texts(c.input());
    for (int i = 0; i < texts.size(); i++) {
      List<RankResult> ranked =
          server
              .inference()
              .rank(
                  RankRequest.newBuilder()
                      .setModel(c.model())
                      .setOptions(CUT)
                      .setQuery(texts.get(i))
                      .addAllDocuments(texts)
                      .build())
              .getResultsList();
      assertThat(ranked).hasSameSizeAs(texts);
      for (RankResult result : ranked) {
        c.number(result.getScore(), c.expected().get(i).get(result.getIndex()));
      }
    }
  }

  private static void rank(Case c) {
    List<String> documents = texts(c.input().get("documents"));
    List<RankResult> ranked =
        server
            .inference()
            .rank(
                RankRequest.newBuilder()
                    .setModel(c.model())
                    .setOptions(CUT)
                    .setQuery(c.input().get("query").textValue())
                    .addAllDocuments(documents)
                    .setTopK(c.topK())
                    .setActivation(activation(c.params().path("activation")))
                    .setReturnText(true)
                    .build())
            .getResultsList();
    assertThat(ranked)
        .isSortedAccordingTo((a, b) -> Float.compare(b.getScore(), a.getScore()))
        .allSatisfy(
            result -> assertThat(result.getText()).isEqualTo(documents.get(result.getIndex())));
    assertThat(ranked).as(c.toString()).hasSize(c.expected().size());
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < ranked.size(); i++) {
      RankResult result = ranked.get(i);
      // All: the scores in the order of the documents; some: the best, with their places.
      JsonNode want =
          c.expected().get(0).isObject()
              ? c.expected().get(i).get("score")
              : c.expected().get(result.getIndex());
      c.number(result.getScore(), want);
      order.add(result.getIndex());
    }
    if (c.expected().get(0).isObject()) {
      assertThat(order)
          .as(c.toString())
          .containsExactlyElementsOf(
              Stream.of(c.expected())
                  .flatMap(array -> list(array).stream())
                  .map(node -> node.get("corpus_id").intValue())
                  .toList());
    }
  }
}
