package dev.coffey.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import dev.coffey.model.BatchRunner;
import dev.coffey.proto.v1.AnswerRequest;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.EmbedRequest;
import dev.coffey.proto.v1.EmbedResponse;
import dev.coffey.proto.v1.FillMaskRequest;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.Question;
import dev.coffey.proto.v1.RankRequest;
import dev.coffey.proto.v1.RankResponse;
import dev.coffey.proto.v1.RankResult;
import dev.coffey.proto.v1.RequestOptions;
import dev.coffey.proto.v1.ScoreActivation;
import dev.coffey.proto.v1.SummarizeRequest;
import dev.coffey.proto.v1.Summary;
import dev.coffey.proto.v1.SummarySentence;
import dev.coffey.proto.v1.TagRequest;
import dev.coffey.proto.v1.TextPair;
import dev.coffey.proto.v1.Truncation;
import dev.coffey.proto.v1.ZeroShotRequest;
import dev.coffey.proto.v1.ZeroShotResponse;
import dev.coffey.server.batch.BatchConfig;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// What the tasks' RPCs do around the answers, which `PipelinesTest` compares: how requests reach
/// the batcher, whose fault is whose, and what is refused.
final class TypedTasksTest {
  private static final String CONTEXT = "The harbour master keeps a log of every ship. ".repeat(20);

  private static final AtomicInteger batches = new AtomicInteger();
  private static final AtomicInteger texts = new AtomicInteger();
  private static TestServer server;

  /// Batches of at most four texts, so that requests are cut.
  @BeforeAll
  static void start() {
    BatchConfig small =
        new BatchConfig(4096, 4, Duration.ZERO, Duration.ofSeconds(5), 65_536, 1024, 3);
    server =
        new TestServer(
            Stream.of("textcls", "nli", "tokcls", "qa", "fillmask", "cross-encoder", "st-mean-norm")
                .map(TestModels::pipeline)
                .toList(),
            GrpcConfig.DEFAULT,
            small,
            TypedTasksTest::counted);
  }

  private static BatchRunner counted(BatchRunner model) {
    return batch -> {
      batches.incrementAndGet();
      texts.addAndGet(batch.size());
      return model.run(batch);
    };
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static Input text(String text) {
    return Input.newBuilder().setText(text).build();
  }

  private static final Input PAIR =
      Input.newBuilder().setPair(TextPair.newBuilder().setFirst("a").setSecond("b")).build();

  private static RequestOptions options(Truncation truncation) {
    return RequestOptions.newBuilder().setTruncation(truncation).build();
  }

  /// Red if a request's pairs had to share a batch, or equal ones were computed again.
  @Test
  void zeroShot_manyPairs_areCutAcrossBatchesAndEqualOnesComputedOnce() {
    batches.set(0);
    texts.set(0);
    ZeroShotResponse response =
        server
            .inference()
            .zeroShot(
                ZeroShotRequest.newBuilder()
                    .addInputs(text("Two clubs agreed a fee."))
                    .addInputs(text(""))
                    .addInputs(PAIR)
                    .addInputs(text("Two clubs agreed a fee."))
                    .addAllLabels(List.of("a", "b", "c", "d", "e", "f", "g", "h", "i", "a"))
                    .build());
    assertThat(texts.get()).isEqualTo(9);
    assertThat(batches.get()).isGreaterThanOrEqualTo(3);
    assertThat(response.getInfo().getModel()).isEqualTo("nli");
    assertThat(response.getInfo().getTiming().getBatchTexts()).isEqualTo(9);
    assertThat(response.getResults(0).getClassification().getLabelsCount()).isEqualTo(10);
    assertThat(response.getResults(3)).isEqualTo(response.getResults(0));
    assertThat(response.getResults(1).getError().getMessage()).contains("empty text");
    assertThat(response.getResults(2).getError().getMessage()).contains("not a pair");
  }

  @Test
  void rank_faultyDocument_comesLastAndTheOthersAreRanked() {
    RankResponse response =
        server
            .inference()
            .rank(
                RankRequest.newBuilder()
                    .setModel("cross-encoder")
                    .setQuery("What do bees dance for?")
                    .addDocuments("word ".repeat(200))
                    .addDocuments("Bees dance in the dark.")
                    .addDocuments("A log of every ship.")
                    .setReturnText(true)
                    .build());
    assertThat(response.getResultsList().stream().map(RankResult::getIndex).toList())
        .endsWith(0)
        .containsExactlyInAnyOrder(0, 1, 2);
    assertThat(response.getResults(0).getScore())
        .isGreaterThanOrEqualTo(response.getResults(1).getScore());
    assertThat(response.getResults(2).getError().getCode()).isEqualTo(Code.INVALID_ARGUMENT_VALUE);
    assertThat(response.getResults(2).getError().getMessage()).contains("128");
    assertThat(response.getResults(2).getText()).startsWith("word word");
  }

  @Test
  void classifyAndEmbed_windows_readAllOfALongText() {
    RequestOptions windows = options(Truncation.TRUNCATION_WINDOW);
    ClassifyResponse classified =
        server
            .inference()
            .classify(
                ClassifyRequest.newBuilder()
                    .setModel("textcls")
                    .setOptions(windows)
                    .addInputs(text(CONTEXT))
                    .build());
    assertThat(classified.getResults(0).getUsage().getRead()).isGreaterThan(200);
    assertThat(classified.getResults(0).getUsage().getCut()).isZero();
    assertThat(classified.getInfo().getTiming().getBatchTexts()).isGreaterThan(1);
    EmbedResponse embedded =
        server
            .inference()
            .embed(
                EmbedRequest.newBuilder()
                    .setModel("st-mean-norm")
                    .setOptions(windows)
                    .addInputs(text(CONTEXT))
                    .build());
    double squares =
        embedded.getResults(0).getEmbedding().getValuesList().stream()
            .mapToDouble(value -> value * value)
            .sum();
    assertThat(squares).isCloseTo(1, org.assertj.core.api.Assertions.within(1e-5));
  }

  @Test
  void summarize_choosesSentencesInTheOrderOfTheText() {
    String text =
        "Bees dance in the dark. The harbour master keeps a log. Ships pay by length. "
            + "In a storm the gates are closed. The oldest log is from 1702.";
    Summary summary =
        server
            .inference()
            .summarize(
                SummarizeRequest.newBuilder()
                    .setModel("st-mean-norm")
                    .addInputs(text(text))
                    .setSentences(2)
                    .build())
            .getResults(0)
            .getSummary();
    assertThat(summary.getSentencesList())
        .hasSize(2)
        .isSortedAccordingTo(
            (a, b) -> Integer.compare(a.getSpan().getStart(), b.getSpan().getStart()));
    for (SummarySentence sentence : summary.getSentencesList()) {
      assertThat(text.substring(sentence.getSpan().getStart(), sentence.getSpan().getEnd()))
          .isEqualTo(sentence.getSpan().getText());
    }
  }

  @Test
  void answer_oneQuestionAtFault_failsAlone() {
    var response =
        server
            .inference()
            .answer(
                AnswerRequest.newBuilder()
                    .addInputs(Question.newBuilder().setQuestion("Who?"))
                    .addInputs(Question.newBuilder().setQuestion("Who?").setContext(CONTEXT))
                    .build());
    assertThat(response.getResults(0).getError().getMessage()).contains("empty context");
    assertThat(response.getResults(1).getAnswers().getAnswersCount()).isEqualTo(1);
    assertThat(response.getResults(1).getUsage().getRead()).isGreaterThan(200);
  }

  // ---- what is refused

  @FunctionalInterface
  interface Call {
    Object run();
  }

  private static Arguments bad(String field, String says, Call call) {
    return Arguments.of(field, says, call);
  }

  static Stream<Arguments> badRequests() {
    var stub =
        new Object() {
          ZeroShotRequest.Builder zeroShot() {
            return ZeroShotRequest.newBuilder().addInputs(text("a"));
          }

          RankRequest.Builder rank() {
            return RankRequest.newBuilder()
                .setModel("cross-encoder")
                .setQuery("a")
                .addDocuments("b");
          }

          AnswerRequest.Builder answer() {
            return AnswerRequest.newBuilder()
                .addInputs(Question.newBuilder().setQuestion("a").setContext("b"));
          }

          SummarizeRequest.Builder summarize() {
            return SummarizeRequest.newBuilder().setModel("st-mean-norm").addInputs(text("a"));
          }

          FillMaskRequest.Builder fill() {
            return FillMaskRequest.newBuilder().addInputs(text("a [MASK]"));
          }

          EmbedRequest.Builder embed() {
            return EmbedRequest.newBuilder().setModel("st-mean-norm").addInputs(text("a"));
          }
        };
    return Stream.of(
        bad("labels", "at least one", () -> zeroShot(stub.zeroShot())),
        bad(
            "labels[1]",
            "empty label",
            () -> zeroShot(stub.zeroShot().addLabels("a").addLabels(" "))),
        bad(
            "labels",
            "1026",
            () ->
                zeroShot(
                    stub.zeroShot()
                        .addInputs(text("b"))
                        .addAllLabels(java.util.Collections.nCopies(513, "a")))),
        bad(
            "hypothesis_template",
            "{}",
            () -> zeroShot(stub.zeroShot().addLabels("a").setHypothesisTemplate("It is."))),
        bad(
            "options.truncation",
            "Classify, Embed and Tag",
            () ->
                zeroShot(
                    stub.zeroShot()
                        .addLabels("a")
                        .setOptions(options(Truncation.TRUNCATION_WINDOW)))),
        bad(
            "query",
            "64",
            () -> rank(stub.rank().setModel("st-mean-norm").setQuery("word ".repeat(200)))),
        bad("documents", "at least one", () -> rank(stub.rank().clearDocuments())),
        bad(
            "activation",
            "softmax",
            () -> rank(stub.rank().setActivation(ScoreActivation.SCORE_ACTIVATION_SOFTMAX))),
        bad(
            "activation",
            "cosine",
            () ->
                rank(
                    stub.rank()
                        .setModel("st-mean-norm")
                        .setActivation(ScoreActivation.SCORE_ACTIVATION_SIGMOID))),
        bad("activation", "77", () -> rank(stub.rank().setActivationValue(77))),
        bad("doc_stride", "500", () -> answer(stub.answer().setDocStride(500))),
        bad("window_tokens", "129", () -> answer(stub.answer().setWindowTokens(129))),
        bad("max_answer_tokens", "4294967295", () -> answer(stub.answer().setMaxAnswerTokens(-1))),
        bad("top_k", "1001", () -> answer(stub.answer().setTopK(1001))),
        bad(
            "options.truncation",
            "never cut",
            () -> answer(stub.answer().setOptions(options(Truncation.TRUNCATION_RIGHT)))),
        bad("sentences", "0", () -> summarize(stub.summarize().setSentences(0))),
        bad("ratio", "1.5", () -> summarize(stub.summarize().setRatio(1.5f))),
        bad("ratio", "NaN", () -> summarize(stub.summarize().setRatio(Float.NaN))),
        bad("targets[0]", "empty", () -> fill(stub.fill().addTargets(""))),
        bad(
            "aggregation",
            "77",
            () ->
                server
                    .inference()
                    .tag(
                        TagRequest.newBuilder()
                            .addInputs(text("a"))
                            .setAggregationValue(77)
                            .build())),
        bad(
            "options.window_overlap",
            "128",
            () ->
                server
                    .inference()
                    .tag(
                        TagRequest.newBuilder()
                            .addInputs(text("a"))
                            .setOptions(
                                options(Truncation.TRUNCATION_WINDOW).toBuilder()
                                    .setWindowOverlap(128))
                            .build())),
        bad("prompt_name", "none", () -> embed(stub.embed().setPromptName("query"))),
        bad(
            "per_token",
            "windows",
            () ->
                embed(
                    stub.embed()
                        .setPerToken(true)
                        .setOptions(options(Truncation.TRUNCATION_WINDOW)))));
  }

  private static Object zeroShot(ZeroShotRequest.Builder request) {
    return server.inference().zeroShot(request.build());
  }

  private static Object rank(RankRequest.Builder request) {
    return server.inference().rank(request.build());
  }

  private static Object answer(AnswerRequest.Builder request) {
    return server.inference().answer(request.build());
  }

  private static Object summarize(SummarizeRequest.Builder request) {
    return server.inference().summarize(request.build());
  }

  private static Object fill(FillMaskRequest.Builder request) {
    return server.inference().fillMask(request.build());
  }

  private static Object embed(EmbedRequest.Builder request) {
    return server.inference().embed(request.build());
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("badRequests")
  void wrongValue_isInvalidArgumentNamingItsField(String field, String says, Call call)
      throws Exception {
    StatusRuntimeException e = catchThrowableOfType(StatusRuntimeException.class, call::run);
    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(e).hasMessageContaining(says);
    assertThat(StatusDetails.of(e, BadRequest.class).getFieldViolations(0).getField())
        .isEqualTo(field);
  }

  static Stream<Arguments> tasks() {
    return Stream.of(
        bad(
            "rank",
            "",
            () -> rank(RankRequest.newBuilder().setModel("qa").setQuery("a").addDocuments("b"))),
        bad(
            "tag",
            "",
            () ->
                server
                    .inference()
                    .tag(TagRequest.newBuilder().setModel("qa").addInputs(text("a")).build())),
        bad(
            "answer",
            "",
            () ->
                answer(
                    AnswerRequest.newBuilder()
                        .setModel("nli")
                        .addInputs(Question.newBuilder().setQuestion("a").setContext("b")))),
        bad(
            "fill masks",
            "",
            () -> fill(FillMaskRequest.newBuilder().setModel("qa").addInputs(text("[MASK]")))),
        bad(
            "classify zero-shot",
            "",
            () ->
                zeroShot(
                    ZeroShotRequest.newBuilder()
                        .setModel("textcls")
                        .addInputs(text("a"))
                        .addLabels("b"))),
        bad(
            "summarize",
            "",
            () -> summarize(SummarizeRequest.newBuilder().setModel("qa").addInputs(text("a")))));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("tasks")
  void modelWithoutTheTask_isFailedPreconditionWithWhatItCan(
      String verb, String ignored, Call call) {
    StatusRuntimeException e = catchThrowableOfType(StatusRuntimeException.class, call::run);
    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
    assertThat(e).hasMessageContaining("can't " + verb).hasMessageContaining("embed");
  }

  /// A text of masks only asks for a vocabulary of logits for each.
  @Test
  void fillMask_moreLogitsThanAResponseMayHold_isRefusedBeforeItIsComputed() {
    FillMaskRequest.Builder request = FillMaskRequest.newBuilder();
    for (int i = 0; i < 100; i++) {
      request.addInputs(text(i + " " + "[MASK] ".repeat(100)));
    }
    int before = texts.get();
    StatusRuntimeException e =
        catchThrowableOfType(StatusRuntimeException.class, () -> fill(request));
    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(texts.get()).isEqualTo(before);
  }
}
