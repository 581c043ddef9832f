package dev.coffey.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.protobuf.ByteString;
import com.google.protobuf.util.Durations;
import com.google.rpc.Code;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.DetokenizeRequest;
import dev.coffey.proto.v1.EmbedRequest;
import dev.coffey.proto.v1.EmbedResponse;
import dev.coffey.proto.v1.Embedding;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.LabelScore;
import dev.coffey.proto.v1.Normalization;
import dev.coffey.proto.v1.PoolingMode;
import dev.coffey.proto.v1.RequestOptions;
import dev.coffey.proto.v1.ScoreActivation;
import dev.coffey.proto.v1.TextPair;
import dev.coffey.proto.v1.Token;
import dev.coffey.proto.v1.TokenIds;
import dev.coffey.proto.v1.TokenizeRequest;
import dev.coffey.proto.v1.TokenizeResponse;
import dev.coffey.proto.v1.Truncation;
import dev.coffey.proto.v1.VectorEncoding;
import io.grpc.StatusRuntimeException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// The typed API over a real stub, with a real small model on the scalar backend.
final class InferenceServiceTest {
  private static TestServer server;

  @BeforeAll
  static void start() {
    server = TestServer.of(TestModels.textcls(), TestModels.golden("base"));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static Input text(String text) {
    return Input.newBuilder().setText(text).build();
  }

  private static Input ids(int... ids) {
    return Input.newBuilder()
        .setIds(TokenIds.newBuilder().addAllIds(IntStream.of(ids).boxed().toList()))
        .build();
  }

  private static ClassifyResponse classify(ClassifyRequest.Builder request) {
    return server.inference().classify(request.build());
  }

  private static ClassifyRequest.Builder classify(Input... inputs) {
    return ClassifyRequest.newBuilder().addAllInputs(List.of(inputs));
  }

  private static List<LabelScore> labels(ClassifyResponse response, int index) {
    assertThat(response.getResults(index).hasClassification())
        .as(response.getResults(index).toString())
        .isTrue();
    return response.getResults(index).getClassification().getLabelsList();
  }

  // ---- classify

  /// Red if the softmax, the order, the names or the info were wrong or missing.
  @Test
  void classify_twoTexts_givesLabelsBestFirstAndWhereTheTimeWent() {
    ClassifyResponse response = classify(classify(text("a fine film"), text("dull and long")));
    assertThat(response.getResultsCount()).isEqualTo(2);
    for (int i = 0; i < 2; i++) {
      List<LabelScore> labels = labels(response, i);
      assertThat(labels)
          .extracting(LabelScore::getLabel)
          .containsExactlyInAnyOrder("negative", "neutral", "positive");
      assertThat(labels)
          .extracting(LabelScore::getScore)
          .isSortedAccordingTo((a, b) -> Float.compare(b, a));
      assertThat(labels.stream().mapToDouble(LabelScore::getScore).sum())
          .isCloseTo(1, within(1e-6));
      assertThat(response.getResults(i).getUsage().getRead()).isGreaterThan(3);
    }
    assertThat(response.getInfo().getModel()).isEqualTo("textcls");
    assertThat(response.getInfo().getVersion()).isEqualTo("1");
    assertThat(Durations.toNanos(response.getInfo().getTiming().getTokenize())).isPositive();
    assertThat(Durations.toNanos(response.getInfo().getTiming().getCompute())).isPositive();
    assertThat(response.getInfo().getTiming().getBatchTexts()).isEqualTo(2);
    assertThat(response.getInfo().getTiming().getBatchTokens())
        .isEqualTo(
            response.getResults(0).getUsage().getRead()
                + response.getResults(1).getUsage().getRead());
  }

  @Test
  void classify_tokenIdsOfAText_giveTheTextsScores() {
    TokenizeResponse tokens =
        server
            .inference()
            .tokenize(
                TokenizeRequest.newBuilder()
                    .setModel("textcls")
                    .addInputs(text("a fine film"))
                    .build());
    int[] ids =
        tokens.getResults(0).getTokens().getTokensList().stream().mapToInt(Token::getId).toArray();
    ClassifyResponse response = classify(classify(text("a fine film"), ids(ids)));
    assertThat(labels(response, 1)).isEqualTo(labels(response, 0));
  }

  @Test
  void classify_topKAndActivation_areObeyed() {
    ClassifyResponse all =
        classify(classify(text("well")).setActivation(ScoreActivation.SCORE_ACTIVATION_NONE));
    ClassifyResponse best =
        classify(
            classify(text("well"))
                .setActivation(ScoreActivation.SCORE_ACTIVATION_SIGMOID)
                .setTopK(1));
    assertThat(labels(best, 0)).hasSize(1);
    LabelScore logit = labels(all, 0).getFirst();
    assertThat(labels(best, 0).getFirst().getLabel()).isEqualTo(logit.getLabel());
    assertThat((double) labels(best, 0).getFirst().getScore())
        .isCloseTo(1 / (1 + Math.exp(-logit.getScore())), within(1e-6));
  }

  /// Red if equal texts were computed again, or their places mixed up.
  @Test
  void classify_equalTexts_areComputedOnce() {
    ClassifyResponse response =
        classify(classify(text("good"), text("bad"), text("good"), ids(), text("good")));
    assertThat(response.getInfo().getTiming().getBatchTexts()).isEqualTo(2);
    assertThat(labels(response, 2)).isEqualTo(labels(response, 0));
    assertThat(labels(response, 4)).isEqualTo(labels(response, 0));
    assertThat(labels(response, 1)).isNotEqualTo(labels(response, 0));
    assertThat(response.getResults(2).getUsage()).isEqualTo(response.getResults(0).getUsage());
  }

  /// One text's fault is its own: the neighbours are answered.
  @Test
  void classify_oneBadItemEach_failsAlone() {
    String tooLong = "word ".repeat(200);
    ClassifyResponse response =
        classify(
            classify(
                text("good"),
                Input.newBuilder()
                    .setIds(TokenIds.newBuilder().addIds(1).addIds(2).addTypeIds(0))
                    .build(),
                text(tooLong),
                ids(1, 4096),
                ids(1, 2, -1),
                Input.getDefaultInstance(),
                ids(),
                text("good")));
    assertThat(labels(response, 0)).isEqualTo(labels(response, 7));
    assertThat(
            IntStream.range(1, 7)
                .mapToObj(i -> response.getResults(i).getError())
                .map(error -> Code.forNumber(error.getCode()) + " " + error.getMessage())
                .collect(Collectors.toList()))
        .allSatisfy(error -> assertThat(error).startsWith("INVALID_ARGUMENT "))
        .satisfies(errors -> {
          assertThat(errors.get(0)).contains("1 type ids for 2 ids");
          assertThat(errors.get(1)).contains("128").contains("truncation");
          assertThat(errors.get(2)).contains("4096").contains("place 1");
          assertThat(errors.get(3)).contains("4294967295");
          assertThat(errors.get(4)).contains("text, pair, ids");
          assertThat(errors.get(5)).contains("no token ids");
        });
  }

  @Test
  void classify_truncation_cutsAndSaysHowMuch() {
    ClassifyResponse response =
        classify(
            classify(text("word ".repeat(200)))
                .setOptions(
                    RequestOptions.newBuilder().setTruncation(Truncation.TRUNCATION_RIGHT)));
    assertThat(response.getResults(0).getUsage().getRead()).isEqualTo(128);
    assertThat(response.getResults(0).getUsage().getCut()).isPositive();
  }

  @Test
  void classify_pair_readsBoth() {
    Input pair =
        Input.newBuilder()
            .setPair(TextPair.newBuilder().setFirst("a fine film").setSecond("indeed it is"))
            .build();
    ClassifyResponse response = classify(classify(pair, text("a fine film")));
    assertThat(response.getResults(0).getUsage().getRead())
        .isGreaterThan(response.getResults(1).getUsage().getRead());
    assertThat(labels(response, 0)).isNotEqualTo(labels(response, 1));
  }

  /// The encoder can embed, as the classifier can, so a name is needed; only one can classify.
  @Test
  void embed_noModelNamedAndTwoCan_isInvalidArgument() {
    assertThatThrownBy(
            () -> server.inference().embed(EmbedRequest.newBuilder().addInputs(text("a")).build()))
        .isInstanceOf(StatusRuntimeException.class)
        .hasMessageContaining("INVALID_ARGUMENT")
        .hasMessageContaining("base, textcls");
  }

  // ---- embed

  private static EmbedResponse embed(EmbedRequest.Builder request) {
    return server.inference().embed(request.setModel("textcls").build());
  }

  private static float[] values(Embedding embedding) {
    float[] values = new float[embedding.getValuesCount()];
    for (int i = 0; i < values.length; i++) {
      values[i] = embedding.getValues(i);
    }
    return values;
  }

  /// Without a 1_Pooling folder: the mean of the tokens' vectors, not scaled.
  @Test
  void embed_plainFolder_isTheMeanOfTheTokenVectors() {
    Embedding vector =
        embed(EmbedRequest.newBuilder().addInputs(text("a fine film")))
            .getResults(0)
            .getEmbedding();
    List<Embedding> tokens =
        embed(EmbedRequest.newBuilder().addInputs(text("a fine film")).setPerToken(true))
            .getResults(0)
            .getTokenEmbeddings()
            .getTokensList();
    assertThat(vector.getDimensions()).isEqualTo(12);
    for (int i = 0; i < 12; i++) {
      int column = i;
      double mean =
          tokens.stream().mapToDouble(token -> token.getValues(column)).average().orElseThrow();
      assertThat((double) vector.getValues(i)).isCloseTo(mean, within(1e-5));
    }
  }

  @Test
  void embed_dimensions_cutBeforeScaling() {
    float[] full =
        values(
            embed(EmbedRequest.newBuilder().addInputs(text("a fine film")))
                .getResults(0)
                .getEmbedding());
    float[] cut =
        values(
            embed(
                    EmbedRequest.newBuilder()
                        .addInputs(text("a fine film"))
                        .setDimensions(5)
                        .setNormalization(Normalization.NORMALIZATION_ON))
                .getResults(0)
                .getEmbedding());
    double length = 0;
    for (int i = 0; i < 5; i++) {
      length += full[i] * full[i];
    }
    assertThat(cut).hasSize(5);
    for (int i = 0; i < 5; i++) {
      assertThat((double) cut[i]).isCloseTo(full[i] / Math.sqrt(length), within(1e-6));
    }
  }

  /// Each encoding gives back the FP32 numbers within its own precision.
  @Test
  void embed_encodings_holdTheNumbers() {
    float[] numbers =
        values(
            embed(EmbedRequest.newBuilder().addInputs(text("a fine film")))
                .getResults(0)
                .getEmbedding());
    Embedding half = encoded(VectorEncoding.VECTOR_ENCODING_FP16);
    ByteBuffer halves = half.getPacked().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    Embedding bytes = encoded(VectorEncoding.VECTOR_ENCODING_INT8);
    Embedding bits = encoded(VectorEncoding.VECTOR_ENCODING_BINARY);
    assertThat(bits.getPacked().size()).isEqualTo(2);
    for (int i = 0; i < numbers.length; i++) {
      assertThat(Float.float16ToFloat(halves.getShort()))
          .isCloseTo(numbers[i], within(Math.abs(numbers[i]) * 0x1p-10f + 1e-6f));
      assertThat(bytes.getPacked().byteAt(i) * bytes.getScale())
          .isCloseTo(numbers[i], within(bytes.getScale() * 0.51f));
      assertThat((bits.getPacked().byteAt(i / 8) >> (7 - i % 8)) & 1)
          .isEqualTo(numbers[i] > 0 ? 1 : 0);
    }
    assertThat(half.getValuesCount()).isZero();
  }

  private static Embedding encoded(VectorEncoding encoding) {
    return embed(EmbedRequest.newBuilder().addInputs(text("a fine film")).setEncoding(encoding))
        .getResults(0)
        .getEmbedding();
  }

  @Test
  void embed_poolingWithPerToken_isInvalidArgument() {
    assertThatThrownBy(() ->
            embed(
                EmbedRequest.newBuilder()
                    .addInputs(text("a"))
                    .setPerToken(true)
                    .setPooling(PoolingMode.POOLING_MODE_CLS)))
        .hasMessageContaining("INVALID_ARGUMENT")
        .hasMessageContaining("per_token");
  }

  // ---- tokens

  @Test
  void tokenize_emojiAndPair_spansAreCodePointsAndBytes() {
    TokenizeResponse response =
        server
            .inference()
            .tokenize(
                TokenizeRequest.newBuilder()
                    .setModel("textcls")
                    .addInputs(
                        Input.newBuilder()
                            .setPair(TextPair.newBuilder().setFirst("😀 good").setSecond("bad 😀")))
                    .build());
    List<Token> tokens = response.getResults(0).getTokens().getTokensList();
    Token good =
        tokens.stream().filter(t -> t.getSpan().getText().equals("good")).findFirst().get();
    Token bad = tokens.stream().filter(t -> t.getSpan().getText().equals("bad")).findFirst().get();
    assertThat(good.getSpan().getStart()).isEqualTo(2);
    assertThat(good.getSpan().getEnd()).isEqualTo(6);
    assertThat(good.getSpan().getStartByte()).isEqualTo(5);
    assertThat(bad.getSpan().getStart()).isZero();
    assertThat(tokens.getFirst().getSpecial()).isTrue();
    assertThat(tokens.getFirst().getPiece()).isEqualTo("[CLS]");
  }

  @Test
  void detokenize_tokenizedText_givesItBack() {
    TokenizeResponse tokens =
        server
            .inference()
            .tokenize(
                TokenizeRequest.newBuilder()
                    .setModel("textcls")
                    .addInputs(text("a fine film , indeed"))
                    .build());
    TokenIds.Builder ids = TokenIds.newBuilder();
    tokens.getResults(0).getTokens().getTokensList().forEach(token -> ids.addIds(token.getId()));
    var texts =
        server
            .inference()
            .detokenize(
                DetokenizeRequest.newBuilder()
                    .setModel("textcls")
                    .addInputs(ids)
                    .addInputs(TokenIds.newBuilder().addIds(99_999))
                    .build());
    assertThat(texts.getResults(0).getText().replace(" ,", ",")).isEqualTo("a fine film, indeed");
    assertThat(texts.getResults(1).getError().getMessage()).contains("99999");
  }

  // ---- what is refused

  @Test
  void anyMethod_unknownEnumValue_isInvalidArgument() {
    List<Runnable> calls =
        List.of(
            () -> classify(classify(text("a")).setActivationValue(77)),
            () ->
                classify(
                    classify(text("a"))
                        .setOptions(RequestOptions.newBuilder().setPriorityValue(77))),
            () ->
                classify(
                    classify(text("a"))
                        .setOptions(RequestOptions.newBuilder().setTruncationValue(77))),
            () -> embed(EmbedRequest.newBuilder().addInputs(text("a")).setPoolingValue(77)),
            () -> embed(EmbedRequest.newBuilder().addInputs(text("a")).setNormalizationValue(77)),
            () -> embed(EmbedRequest.newBuilder().addInputs(text("a")).setEncodingValue(77)));
    assertThat(calls)
        .allSatisfy(call ->
            assertThatThrownBy(call::run)
                .hasMessageContaining("INVALID_ARGUMENT")
                .hasMessageContaining("77"));
  }

  @Test
  void classify_noInputsOrTooMany_isInvalidArgument() {
    assertThatThrownBy(() -> classify(classify()))
        .hasMessageContaining("INVALID_ARGUMENT")
        .hasMessageContaining("no inputs");
    Input[] many = IntStream.range(0, 1025).mapToObj(i -> text("a")).toArray(Input[]::new);
    assertThatThrownBy(() -> classify(classify(many)))
        .hasMessageContaining("INVALID_ARGUMENT")
        .hasMessageContaining("1025")
        .hasMessageContaining("1024");
  }

  /// A lone continuation byte can't be sent as a string by a stub; see StrictMethodsTest for those.
  @Test
  void classify_textOfControlBytes_isAnswered() {
    assertThat(
            classify(classify(text(ByteString.copyFrom(new byte[] {0, 1, 2, 3}).toStringUtf8())))
                .getResultsCount())
        .isEqualTo(1);
  }
}
