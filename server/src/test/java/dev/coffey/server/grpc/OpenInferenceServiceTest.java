package dev.coffey.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.protobuf.ByteString;
import dev.coffey.kernels.Pooling;
import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import dev.coffey.proto.inference.InferParameter;
import dev.coffey.proto.inference.InferTensorContents;
import dev.coffey.proto.inference.ModelInferRequest;
import dev.coffey.proto.inference.ModelInferRequest.InferInputTensor;
import dev.coffey.proto.inference.ModelInferRequest.InferRequestedOutputTensor;
import dev.coffey.proto.inference.ModelInferResponse;
import dev.coffey.proto.inference.ModelMetadataRequest;
import dev.coffey.proto.inference.ModelMetadataResponse;
import dev.coffey.proto.inference.ModelMetadataResponse.TensorMetadata;
import dev.coffey.proto.inference.ModelReadyRequest;
import dev.coffey.proto.inference.ServerLiveRequest;
import dev.coffey.proto.inference.ServerMetadataRequest;
import dev.coffey.proto.inference.ServerReadyRequest;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.LabelScore;
import dev.coffey.proto.v1.ScoreActivation;
import dev.coffey.server.registry.ModelHandle;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// KServe v2 over a real stub: every head, every form of input, against the model run directly.
final class OpenInferenceServiceTest {
  private static TestServer server;

  @BeforeAll
  static void start(@TempDir Path temporary) {
    server =
        TestServer.of(
            TestModels.textcls(),
            TestModels.golden("base"),
            TestModels.golden("tokcls"),
            TestModels.golden("qa"),
            TestModels.golden("mlm"),
            TestModels.family("bert-base"),
            TestModels.family("bert-pretraining"),
            TestModels.family("albert-pretraining"),
            TestModels.family("bert-nsp"),
            TestModels.named("st-dense-norm", TestModels.folder("golden/pipelines/st-dense-norm")),
            TestModels.sentence(temporary));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static ModelInferRequest.Builder request(String model, InferInputTensor... inputs) {
    return ModelInferRequest.newBuilder().setModelName(model).addAllInputs(List.of(inputs));
  }

  private static ModelInferResponse infer(ModelInferRequest.Builder request) {
    return server.open().modelInfer(request.build());
  }

  private static InferRequestedOutputTensor output(String name) {
    return InferRequestedOutputTensor.newBuilder().setName(name).build();
  }

  /// What the model computes of ids at positions, on the device thread.
  private static Matrix direct(String model, Readout readout, int[] ids, int[] positions) {
    ModelHandle handle = server.registry().find(model, "", Optional.empty());
    return server
        .batcher()
        .onDevice(() ->
            handle
                .model()
                .run(List.of(new TextInput(ids, new int[ids.length], positions, List.of(readout))))
                .getFirst()
                .getFirst())
        .join();
  }

  // ---- text

  @Test
  void modelInfer_text_givesTheLogitsThatClassifyGives() {
    ModelInferResponse response =
        infer(request("textcls", InferTensors.text("text", "a fine film", "dull")).setId("x-1"));
    assertThat(response.getId()).isEqualTo("x-1");
    assertThat(response.getModelName()).isEqualTo("textcls");
    assertThat(response.getModelVersion()).isEqualTo("1");
    assertThat(response.getOutputs(0).getName()).isEqualTo("logits");
    assertThat(response.getOutputs(0).getDatatype()).isEqualTo("FP32");
    assertThat(InferTensors.shape(response, 0)).containsExactly(2L, 3L);
    float[] logits = InferTensors.raw(response, 0);
    var classified =
        server
            .inference()
            .classify(
                ClassifyRequest.newBuilder()
                    .setModel("textcls")
                    .setActivation(ScoreActivation.SCORE_ACTIVATION_NONE)
                    .addInputs(Input.newBuilder().setText("a fine film"))
                    .addInputs(Input.newBuilder().setText("dull"))
                    .build());
    for (int text = 0; text < 2; text++) {
      for (LabelScore label : classified.getResults(text).getClassification().getLabelsList()) {
        assertThat(label.getScore()).isEqualTo(logits[text * 3 + label.getIndex()]);
      }
    }
  }

  @Test
  void modelInfer_rawAndColumnShape_equalTyped() {
    float[] typed =
        InferTensors.raw(infer(request("textcls", InferTensors.text("text", "good", "bad"))), 0);
    float[] raw =
        InferTensors.raw(
            infer(
                request("textcls", InferTensors.header("text", "BYTES", 2, 1).build())
                    .addRawInputContents(InferTensors.framed("good", "bad"))),
            0);
    assertThat(raw).isEqualTo(typed);
  }

  @Test
  void modelInfer_pairs_readBoth() {
    ModelInferRequest.Builder single = request("textcls", InferTensors.text("text", "good", "bad"));
    ModelInferRequest.Builder pairs =
        request(
            "textcls",
            InferTensors.text("text", "good", "bad"),
            InferTensors.text("text_pair", "one", "two"));
    assertThat(InferTensors.raw(infer(pairs), 0)).isNotEqualTo(InferTensors.raw(infer(single), 0));
  }

  // ---- token ids

  /// A left-out token is dropped, the others keep their positions, and its rows of the output are
  /// zero.
  @Test
  void modelInfer_mask_dropsTokensKeepsPositionsZeroesRows() {
    ModelInferResponse response =
        infer(
            request(
                "base",
                InferTensors.int64("input_ids", new long[][] {{2, 7, 9, 11, 3}, {2, 5, 3, 0, 0}}),
                InferTensors.int64(
                    "attention_mask", new long[][] {{1, 0, 1, 1, 1}, {1, 1, 1, 0, 0}})));
    assertThat(response.getOutputs(0).getName()).isEqualTo("last_hidden_state");
    assertThat(InferTensors.shape(response, 0)).containsExactly(2L, 5L, 60L);
    float[] numbers = InferTensors.raw(response, 0);
    Matrix first =
        direct("base", new Readout.Hidden(), new int[] {2, 9, 11, 3}, new int[] {0, 2, 3, 4});
    Matrix second = direct("base", new Readout.Hidden(), new int[] {2, 5, 3}, new int[] {0, 1, 2});
    int[][] rowOf = {{0, -1, 1, 2, 3}, {0, 1, 2, -1, -1}};
    for (int text = 0; text < 2; text++) {
      Matrix expected = text == 0 ? first : second;
      for (int token = 0; token < 5; token++) {
        for (int column = 0; column < 60; column++) {
          int row = rowOf[text][token];
          assertThat(numbers[(text * 5 + token) * 60 + column])
              .as("text %d token %d column %d", text, token, column)
              .isEqualTo(row < 0 ? 0 : expected.at(row, column));
        }
      }
    }
  }

  @Test
  void modelInfer_int32Raw_equalsInt64Typed() {
    float[] typed =
        InferTensors.raw(
            infer(request("base", InferTensors.int64("input_ids", new long[][] {{2, 7, 3}}))), 0);
    float[] narrow =
        InferTensors.raw(
            infer(
                request("base", InferTensors.header("input_ids", "INT32", 1, 3).build())
                    .addRawInputContents(InferTensors.raw(false, 2, 7, 3))),
            0);
    float[] wide =
        InferTensors.raw(
            infer(
                request(
                        "base",
                        InferTensors.header("input_ids", "INT64", 1, 3).build(),
                        InferTensors.header("token_type_ids", "INT32", 1, 3).build())
                    .addRawInputContents(InferTensors.raw(true, 2, 7, 3))
                    .addRawInputContents(InferTensors.raw(false, 0, 0, 1))),
            0);
    assertThat(narrow).isEqualTo(typed);
    assertThat(wide).isEqualTo(typed);
  }

  // ---- heads

  @Test
  void modelInfer_questionAnswering_givesStartAndEnd() {
    ModelInferResponse response =
        infer(request("qa", InferTensors.int64("input_ids", new long[][] {{2, 7, 9, 3}})));
    assertThat(response.getOutputsList())
        .extracting(tensor -> tensor.getName())
        .containsExactly("start_logits", "end_logits");
    Matrix expected =
        direct("qa", new Readout.Head(), new int[] {2, 7, 9, 3}, new int[] {0, 1, 2, 3});
    for (int token = 0; token < 4; token++) {
      assertThat(InferTensors.raw(response, 0)[token]).isEqualTo(expected.at(token, 0));
      assertThat(InferTensors.raw(response, 1)[token]).isEqualTo(expected.at(token, 1));
    }
    assertThat(InferTensors.shape(response, 0)).containsExactly(1L, 4L);
  }

  static Stream<Arguments> familyOutputs() {
    return Stream.of(
        Arguments.of("bert-base", "last_hidden_state", new Readout.Hidden()),
        Arguments.of("bert-base", "pooler_output", new Readout.Pooler()),
        Arguments.of("bert-nsp", "logits", new Readout.Head()),
        Arguments.of("bert-pretraining", "prediction_logits", new Readout.Head()),
        Arguments.of("bert-pretraining", "seq_relationship_logits", new Readout.SentencePair()),
        Arguments.of("albert-pretraining", "prediction_logits", new Readout.Head()),
        Arguments.of("albert-pretraining", "sop_logits", new Readout.SentencePair()),
        Arguments.of(
            "st-dense-norm",
            "sentence_embedding",
            new Readout.Pooled(List.of(Pooling.MEAN), true, true)));
  }

  /// Breaks if an output that Hugging Face's class gives is not offered, or is another's numbers.
  @ParameterizedTest
  @MethodSource("familyOutputs")
  void modelInfer_familyOutputs_areTheReadouts(String model, String name, Readout readout) {
    int[] ids = {2, 7, 9, 3};
    int[] positions = {0, 1, 2, 3};
    ModelInferResponse response =
        infer(
            request(model, InferTensors.int64("input_ids", new long[][] {{2, 7, 9, 3}}))
                .addOutputs(output(name)));
    assertThat(response.getOutputs(0).getName()).isEqualTo(name);
    assertThat(InferTensors.raw(response, 0))
        .isEqualTo(direct(model, readout, ids, positions).values());
    assertThat(
            server
                .open()
                .modelMetadata(ModelMetadataRequest.newBuilder().setName(model).build())
                .getOutputsList())
        .extracting(TensorMetadata::getName)
        .contains(name);
  }

  @Test
  void modelInfer_tokenClassification_givesLogitsOfEachToken() {
    ModelInferResponse response =
        infer(request("tokcls", InferTensors.int64("input_ids", new long[][] {{2, 7, 3}})));
    assertThat(InferTensors.shape(response, 0)).containsExactly(1L, 3L, 7L);
    assertThat(InferTensors.raw(response, 0))
        .isEqualTo(
            direct("tokcls", new Readout.Head(), new int[] {2, 7, 3}, new int[] {0, 1, 2})
                .values());
  }

  @Test
  void modelInfer_maskedLm_sendsLogitsOnRequestOnly() {
    InferInputTensor ids = InferTensors.int64("input_ids", new long[][] {{2, 4, 3}});
    assertThatThrownBy(() -> infer(request("mlm", ids)))
        .hasMessageContaining("INVALID_ARGUMENT")
        .hasMessageContaining("on request only")
        .hasMessageContaining("logits");
    ModelInferResponse response = infer(request("mlm", ids).addOutputs(output("logits")));
    assertThat(InferTensors.shape(response, 0)).containsExactly(1L, 3L, 331L);
  }

  /// The folder pools by the first token and normalizes.
  @Test
  void modelInfer_sentenceFolder_poolsAndNormalizesAsTheFolderSays() {
    InferInputTensor ids = InferTensors.int64("input_ids", new long[][] {{2, 7, 3}});
    ModelInferResponse response = infer(request("sentence", ids));
    assertThat(response.getOutputs(0).getName()).isEqualTo("sentence_embedding");
    float[] vector = InferTensors.raw(response, 0);
    Matrix hidden =
        direct("sentence", new Readout.Hidden(), new int[] {2, 7, 3}, new int[] {0, 1, 2});
    double squares = 0;
    for (int i = 0; i < 60; i++) {
      squares += hidden.at(0, i) * hidden.at(0, i);
    }
    for (int i = 0; i < 60; i++) {
      assertThat((double) vector[i]).isCloseTo(hidden.at(0, i) / Math.sqrt(squares), within(1e-6));
    }
    ModelInferResponse tokens =
        infer(request("sentence", ids).addOutputs(output("token_embeddings")));
    assertThat(InferTensors.raw(tokens, 0)).isEqualTo(hidden.values());
  }

  @Test
  void modelInfer_binaryDataOutputFalse_sendsTypedContents() {
    InferInputTensor text = InferTensors.text("text", "good");
    ModelInferResponse raw = infer(request("textcls", text));
    ModelInferResponse typed =
        infer(
            request("textcls", text)
                .putParameters(
                    "binary_data_output", InferParameter.newBuilder().setBoolParam(false).build()));
    assertThat(typed.getRawOutputContentsCount()).isZero();
    float[] numbers = InferTensors.raw(raw, 0);
    for (int i = 0; i < numbers.length; i++) {
      assertThat(typed.getOutputs(0).getContents().getFp32Contents(i)).isEqualTo(numbers[i]);
    }
  }

  /// Clients send priority as int64 or as uint64; both, and the timeout, are read.
  @Test
  void modelInfer_reservedParameters_areTaken() {
    InferInputTensor text = InferTensors.text("text", "good");
    InferParameter unsigned = InferParameter.newBuilder().setUint64Param(1).build();
    assertThat(
            infer(
                    request("textcls", text)
                        .putParameters("priority", unsigned)
                        .putParameters("timeout", InferTensors.parameter(20_000_000))
                        .putParameters("triton_enable_empty_final_response", unsigned)
                        .putParameters("sequence_id", InferTensors.parameter(0)))
                .getOutputsCount())
        .isEqualTo(1);
    assertThat(
            InferParameters.of(java.util.Map.of("priority", InferTensors.parameter(1))).priority())
        .isEqualTo(dev.coffey.server.batch.Priority.HIGH);
    assertThat(InferParameters.of(java.util.Map.of("priority", unsigned)).priority())
        .isEqualTo(dev.coffey.server.batch.Priority.HIGH);
    assertThat(
            InferParameters.of(java.util.Map.of("priority", InferTensors.parameter(7))).priority())
        .isEqualTo(dev.coffey.server.batch.Priority.LOW);
  }

  // ---- metadata

  @Test
  void modelMetadata_everyHead_listsTensorsAsTheProtocolHasThem() {
    ModelMetadataResponse metadata =
        server.open().modelMetadata(ModelMetadataRequest.newBuilder().setName("qa").build());
    assertThat(metadata.getPlatform()).isEqualTo("coffey_safetensors");
    assertThat(metadata.getVersionsList()).containsExactly("1");
    assertThat(metadata.getInputsList())
        .extracting(TensorMetadata::getName)
        .containsExactly("text", "text_pair");
    assertThat(metadata.getOutputsList())
        .extracting(TensorMetadata::getName)
        .containsExactly("start_logits", "end_logits");
    TensorMetadata logits =
        server
            .open()
            .modelMetadata(ModelMetadataRequest.newBuilder().setName("mlm").build())
            .getOutputs(0);
    assertThat(logits.getDatatype()).isEqualTo("FP32");
    assertThat(logits.getShapeList()).containsExactly(-1L, -1L, 331L);
  }

  @Test
  void readiness_allLoaded_isTrueAndUnknownIsNotFound() {
    assertThat(server.open().serverLive(ServerLiveRequest.getDefaultInstance()).getLive()).isTrue();
    assertThat(server.open().serverReady(ServerReadyRequest.getDefaultInstance()).getReady())
        .isTrue();
    assertThat(
            server
                .open()
                .modelReady(ModelReadyRequest.newBuilder().setName("qa").build())
                .getReady())
        .isTrue();
    assertThat(
            server
                .open()
                .serverMetadata(ServerMetadataRequest.getDefaultInstance())
                .getExtensionsList())
        .containsExactly("schedule_policy");
    assertThatThrownBy(
            () -> server.open().modelReady(ModelReadyRequest.newBuilder().setName("q").build()))
        .hasMessageContaining("NOT_FOUND");
  }

  // ---- what is refused

  record Bad(ModelInferRequest.Builder request, String field, String message) {
    @Override
    public String toString() {
      return message;
    }
  }

  private static InferInputTensor.Builder ids() {
    return InferTensors.int64("input_ids", new long[][] {{2, 7, 3}}).toBuilder();
  }

  static List<Bad> badRequests() {
    InferInputTensor text = InferTensors.text("text", "good");
    InferInputTensor rawText = InferTensors.header("text", "BYTES", 1).build();
    InferInputTensor rawIds = InferTensors.header("input_ids", "INT64", 1, 3).build();
    return List.of(
        new Bad(request("textcls"), "inputs", "no inputs"),
        new Bad(request("textcls", text, text), "inputs[1].name", "comes twice"),
        new Bad(
            request("textcls", text.toBuilder().setName("texts").build()),
            "inputs[0].name",
            "unknown input 'texts'"),
        new Bad(request("textcls", text, ids().build()), "inputs[0].name", "not both"),
        new Bad(
            request("textcls", text.toBuilder().setName("text_pair").build()),
            "inputs",
            "needs 'text'"),
        new Bad(
            request("base", ids().setName("attention_mask").build()),
            "inputs[0].name",
            "needs input_ids"),
        new Bad(
            request("textcls", text.toBuilder().setDatatype("STRING").build()),
            "inputs[0].datatype",
            "unknown datatype 'STRING'"),
        new Bad(
            request("textcls", text.toBuilder().setDatatype("INT64").build()),
            "inputs[0].datatype",
            "expected BYTES"),
        new Bad(
            request("base", ids().setDatatype("FP32").build()),
            "inputs[0].datatype",
            "expected INT64 or INT32"),
        new Bad(
            request("base", ids().setDatatype("INT32").build()),
            "inputs[0].contents",
            "belong in int_contents"),
        new Bad(
            request("textcls", text.toBuilder().clearShape().addShape(2).build()),
            "inputs[0].contents.bytes_contents",
            "1 elements for shape [2]"),
        new Bad(
            request("textcls", text.toBuilder().clearShape().addShape(-1).build()),
            "inputs[0].shape",
            "negative"),
        new Bad(
            request(
                "textcls",
                text.toBuilder().clearShape().addShape(1L << 62).addShape(1L << 62).build()),
            "inputs[0].shape",
            "more than 2147483647"),
        new Bad(
            request("textcls", text.toBuilder().clearShape().addShape(0).clearContents().build()),
            "inputs[0].shape",
            "0 texts"),
        new Bad(
            request("textcls", text.toBuilder().clearShape().build()),
            "inputs[0].shape",
            "expected [n] or [n, 1]"),
        new Bad(
            request("textcls", text.toBuilder().addShape(2).build()),
            "inputs[0].shape",
            "expected [n] or [n, 1]"),
        new Bad(
            request("base", ids().clearShape().addShape(3).build()),
            "inputs[0].shape",
            "[texts, tokens]"),
        new Bad(
            request("base", InferTensors.int64("input_ids", new long[][] {new long[65]})),
            "inputs[0].shape",
            "65 tokens wide; this model reads 1 to 64"),
        new Bad(
            request(
                "base", ids().build(), InferTensors.int64("attention_mask", new long[][] {{1, 1}})),
            "inputs[1].shape",
            "must be equal"),
        new Bad(
            request(
                "base",
                ids().build(),
                InferTensors.int64("attention_mask", new long[][] {{1, 2, 1}})),
            "inputs[1].contents",
            "element 1 is 2; a mask must be in [0, 2)"),
        new Bad(
            request(
                "base",
                ids().build(),
                InferTensors.int64("attention_mask", new long[][] {{0, 0, 0}})),
            "inputs[1].contents",
            "leaves out all 3"),
        new Bad(
            request("base", InferTensors.int64("input_ids", new long[][] {{2, 1031, 3}})),
            "inputs[0].contents",
            "element 1 is 1031; a token id must be in [0, 1031)"),
        new Bad(
            request("base", InferTensors.int64("input_ids", new long[][] {{2, -1, 3}})),
            "inputs[0].contents",
            "element 1 is -1"),
        new Bad(
            request("textcls", text).addRawInputContents(InferTensors.framed("good")),
            "inputs[0].contents",
            "typed contents while the request has raw_input_contents"),
        new Bad(
            request("textcls", rawText)
                .addRawInputContents(InferTensors.framed("good"))
                .addRawInputContents(InferTensors.framed("good")),
            "raw_input_contents",
            "2 raw contents for 1 inputs"),
        new Bad(
            request("textcls", rawText).addRawInputContents(ByteString.copyFromUtf8("abc")),
            "raw_input_contents[0]",
            "can't hold the 1 elements"),
        new Bad(
            request("textcls", rawText)
                .addRawInputContents(InferTensors.framed("good").substring(0, 6)),
            "raw_input_contents[0]",
            "a length of 4 bytes, but 2 are left"),
        new Bad(
            request("textcls", rawText).addRawInputContents(InferTensors.framed("good", "more")),
            "raw_input_contents[0]",
            "8 bytes are left over"),
        new Bad(
            request("textcls", rawText)
                .addRawInputContents(
                    ByteString.copyFrom(new byte[] {2, 0, 0, 0, (byte) 0xC3, (byte) 0x28})),
            "raw_input_contents[0]",
            "element 0 is not UTF-8"),
        new Bad(
            request(
                "textcls",
                text.toBuilder()
                    .setContents(
                        InferTensorContents.newBuilder()
                            .addBytesContents(ByteString.copyFrom(new byte[] {(byte) 0xFF})))
                    .build()),
            "inputs[0].contents",
            "element 0 is not UTF-8"),
        new Bad(
            request("base", rawIds).addRawInputContents(InferTensors.raw(true, 2, 3)),
            "raw_input_contents[0]",
            "16 raw bytes; shape [1, 3] of INT64 takes 24"),
        new Bad(
            request("textcls", InferTensors.text("text", "word ".repeat(200))),
            "inputs[0].contents[0]",
            "limit is 128"),
        new Bad(
            request("base", InferTensors.text("text", "good")),
            "inputs[0].contents[0]",
            "has no tokenizer"),
        new Bad(
            request("textcls", text).addOutputs(output("scores")),
            "outputs[0].name",
            "no output 'scores'; it has: logits"),
        new Bad(
            request("textcls", text).addOutputs(output("logits")).addOutputs(output("logits")),
            "outputs[1].name",
            "requested twice"),
        new Bad(
            request("textcls", text)
                .addOutputs(
                    InferRequestedOutputTensor.newBuilder()
                        .setName("logits")
                        .putParameters("classification", InferTensors.parameter(2))),
            "outputs[0].parameters",
            "classification extension"),
        new Bad(
            request(
                "textcls",
                text.toBuilder()
                    .putParameters("shared_memory_region", InferTensors.parameter(2))
                    .build()),
            "inputs[0].parameters",
            "shared memory"),
        new Bad(
            request("textcls", text).putParameters("prioritty", InferTensors.parameter(1)),
            "parameters",
            "unknown parameter 'prioritty'"),
        new Bad(
            request("textcls", text).putParameters("priority", InferTensors.parameter(-1)),
            "parameters.priority",
            "-1"),
        new Bad(
            request("textcls", text)
                .putParameters("timeout", InferParameter.newBuilder().setStringParam("1s").build()),
            "parameters.timeout",
            "expected int64_param or uint64_param, got STRING_PARAM"),
        new Bad(
            request("textcls", text).putParameters("sequence_id", InferTensors.parameter(3)),
            "parameters.sequence_id",
            "no sequences"));
  }

  @ParameterizedTest
  @MethodSource("badRequests")
  void modelInfer_badRequest_isInvalidArgumentWithFieldAndReason(Bad bad) {
    assertThatThrownBy(() -> infer(bad.request()))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> {
              assertThat(e.getStatus().getCode()).isEqualTo(Code.INVALID_ARGUMENT);
              assertThat(e.getStatus().getDescription()).contains(bad.message());
              assertThat(StatusDetails.field(e)).isEqualTo(bad.field());
            });
  }

  /// 60 hidden numbers a token: what the answer would take is told before it is computed.
  @Test
  void modelInfer_answerTooLarge_isRefusedBeforeItIsComputed() {
    long[][] rows = new long[1024][64];
    for (long[] row : rows) {
      java.util.Arrays.fill(row, 5);
    }
    assertThatThrownBy(() ->
            new OpenInferenceServiceTest()
                .small(request("base", InferTensors.int64("input_ids", rows))))
        .hasMessageContaining("INVALID_ARGUMENT")
        .hasMessageContaining(Integer.toString(1024 * 64 * 60 * 4));
  }

  private ModelInferResponse small(ModelInferRequest.Builder request) {
    GrpcConfig config =
        new GrpcConfig(
            "127.0.0.1", 0, Optional.empty(), 2, 1 << 20, 8192, 1 << 20, 1024, 65_536, 16);
    try (TestServer small =
        new TestServer(
            List.of(TestModels.golden("base")),
            config,
            dev.coffey.server.batch.BatchConfig.DEFAULT,
            model -> model)) {
      return small.open().modelInfer(request.build());
    }
  }
}
