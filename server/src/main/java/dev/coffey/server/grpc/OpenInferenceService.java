package dev.coffey.server.grpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import dev.coffey.model.task.TextFit;
import dev.coffey.proto.inference.GRPCInferenceServiceGrpc;
import dev.coffey.proto.inference.InferTensorContents;
import dev.coffey.proto.inference.ModelInferRequest;
import dev.coffey.proto.inference.ModelInferResponse;
import dev.coffey.proto.inference.ModelInferResponse.InferOutputTensor;
import dev.coffey.proto.inference.ModelMetadataRequest;
import dev.coffey.proto.inference.ModelMetadataResponse;
import dev.coffey.proto.inference.ModelMetadataResponse.TensorMetadata;
import dev.coffey.proto.inference.ModelReadyRequest;
import dev.coffey.proto.inference.ModelReadyResponse;
import dev.coffey.proto.inference.ServerLiveRequest;
import dev.coffey.proto.inference.ServerLiveResponse;
import dev.coffey.proto.inference.ServerMetadataRequest;
import dev.coffey.proto.inference.ServerMetadataResponse;
import dev.coffey.proto.inference.ServerReadyRequest;
import dev.coffey.proto.inference.ServerReadyResponse;
import dev.coffey.server.failure.InferenceException.Unavailable;
import dev.coffey.server.grpc.InferRequestReader.Bounds;
import dev.coffey.server.grpc.InferRequestReader.Content;
import dev.coffey.server.grpc.InferRequestReader.Row;
import dev.coffey.server.grpc.Inference.Answer;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelRegistry;
import io.grpc.stub.StreamObserver;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// `inference.GRPCInferenceService`: the Open Inference Protocol ("KServe v2"). Every head is
/// served, as the numbers that it computes. A request is one tensor's worth: the fault of one text
/// fails all of it.
final class OpenInferenceService extends GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase {
  private static final String FP32 = "FP32";
  private static final String PLATFORM = "coffey_safetensors";

  private final ModelRegistry registry;
  private final Inference inference;
  private final GrpcConfig config;
  private final String serverVersion;

  OpenInferenceService(
      ModelRegistry registry, Inference inference, GrpcConfig config, String serverVersion) {
    this.registry = registry;
    this.inference = inference;
    this.config = config;
    this.serverVersion = serverVersion;
  }

  @Override
  public void serverLive(ServerLiveRequest request, StreamObserver<ServerLiveResponse> observer) {
    Replies.now(observer, () -> ServerLiveResponse.newBuilder().setLive(true).build());
  }

  @Override
  public void serverReady(
      ServerReadyRequest request, StreamObserver<ServerReadyResponse> observer) {
    Replies.now(
        observer, () -> ServerReadyResponse.newBuilder().setReady(registry.ready()).build());
  }

  @Override
  public void modelReady(ModelReadyRequest request, StreamObserver<ModelReadyResponse> observer) {
    Replies.now(observer, () -> ModelReadyResponse.newBuilder().setReady(ready(request)).build());
  }

  private boolean ready(ModelReadyRequest request) {
    try {
      var _ = registry.find(request.getName(), request.getVersion(), Optional.empty());
      return true;
    } catch (Unavailable _) {
      return false;
    }
  }

  @Override
  public void serverMetadata(
      ServerMetadataRequest request, StreamObserver<ServerMetadataResponse> observer) {
    Replies.now(
        observer,
        () ->
            ServerMetadataResponse.newBuilder()
                .setName("coffey")
                .setVersion(serverVersion)
                // The parameters priority and timeout.
                .addExtensions("schedule_policy")
                .build());
  }

  @Override
  public void modelMetadata(
      ModelMetadataRequest request, StreamObserver<ModelMetadataResponse> observer) {
    Replies.now(
        observer,
        () -> {
          ModelHandle handle =
              registry.find(request.getName(), request.getVersion(), Optional.empty());
          ModelSignature signature = ModelSignature.of(handle);
          ModelMetadataResponse.Builder response =
              ModelMetadataResponse.newBuilder()
                  .setName(handle.name())
                  .setPlatform(PLATFORM)
                  .putProperties("architecture", handle.config().modelType())
                  .putProperties("backend", registry.kernels().name())
                  .putProperties("head", handle.headKind().name().toLowerCase(Locale.ROOT))
                  .putProperties("max_tokens", Integer.toString(handle.maxTokens()));
          registry.list().stream()
              .filter(status -> status.name().equals(handle.name()))
              .forEach(status -> response.addVersions(status.version()));
          for (String input : signature.inputs()) {
            response.addInputs(
                TensorMetadata.newBuilder()
                    .setName(input)
                    .setDatatype(InputTensor.BYTES)
                    .addShape(-1));
          }
          for (OutputTensor output : signature.outputs()) {
            TensorMetadata.Builder metadata =
                response.addOutputsBuilder().setName(output.name()).setDatatype(FP32).addShape(-1);
            switch (output.shape()) {
              case TEXT -> metadata.addShape(output.columns());
              case TOKEN -> metadata.addShape(-1).addShape(output.columns());
              case TOKEN_SCALAR -> metadata.addShape(-1);
            }
          }
          return response.build();
        });
  }

  @Override
  public void modelInfer(ModelInferRequest request, StreamObserver<ModelInferResponse> observer) {
    Replies.later(
        observer,
        () -> {
          ModelHandle handle =
              registry.find(request.getModelName(), request.getModelVersion(), Optional.empty());
          InferParameters parameters = InferParameters.of(request.getParametersMap());
          List<OutputTensor> outputs =
              InferRequestReader.outputs(request, ModelSignature.of(handle));
          Content content =
              new InferRequestReader(
                      new Bounds(
                          handle.config().vocabSize(),
                          handle.maxTokens(),
                          Segments.limit(handle),
                          config.maxTexts()))
                  .read(request, outputs);
          // Early, from what is known before tokenizing.
          checkSize(outputs, content.rows().size(), Math.max(1, content.width()));
          List<Readout> readouts = outputs.stream().map(OutputTensor::readout).distinct().toList();
          return inference
              .run(
                  handle,
                  content.leastTokens(),
                  () -> rows(handle, content, outputs, readouts),
                  parameters.priority(),
                  inference.deadlineNanos(parameters.timeout()))
              .thenApply(answer ->
                  response(
                      request, handle, outputs, readouts, content.width(), parameters, answer));
        });
  }

  /// The rows of a request as the encoder reads them. v2 has no status of an item: one that can't
  /// be read fails the request.
  private record Rows(List<TextInput> texts) implements Inference.Prepared {}

  private Rows rows(
      ModelHandle handle, Content content, List<OutputTensor> outputs, List<Readout> readouts) {
    InputReader reader = new InputReader(handle, TextFit.refuse(), prompt(handle));
    List<TextInput> texts = new ArrayList<>(content.rows().size());
    int width = content.width();
    for (Row row : content.rows()) {
      TextInput text =
          switch (row) {
            case Row.Text(String first, String second) ->
                TextInput.of(
                    reader
                        .read(first, second, content.field() + "[" + texts.size() + "]")
                        .getFirst(),
                    readouts);
            case Row.Tokens(int[] ids, int[] types, int[] positions) ->
                new TextInput(ids, types, positions, readouts);
          };
      width = Math.max(width, text.tokens());
      texts.add(text);
    }
    checkSize(outputs, texts.size(), width);
    return new Rows(texts);
  }

  private void checkSize(List<OutputTensor> outputs, int texts, int width) {
    long numbers = 0;
    for (OutputTensor output : outputs) {
      numbers += texts * output.numbersPerText(width);
    }
    ResponseSize.check(numbers * Float.BYTES, config.maxResponseBytes());
  }

  private static ModelInferResponse response(
      ModelInferRequest request,
      ModelHandle handle,
      List<OutputTensor> outputs,
      List<Readout> readouts,
      int inputWidth,
      InferParameters parameters,
      Answer<Rows> answer) {
    List<TextInput> texts = answer.prepared().texts();
    int width = inputWidth;
    for (TextInput text : texts) {
      width = Math.max(width, text.tokens());
    }
    ModelInferResponse.Builder response =
        ModelInferResponse.newBuilder()
            .setModelName(handle.name())
            .setModelVersion(handle.version())
            .setId(request.getId());
    for (OutputTensor output : outputs) {
      InferOutputTensor.Builder tensor =
          response
              .addOutputsBuilder()
              .setName(output.name())
              .setDatatype(FP32)
              .addShape(texts.size());
      switch (output.shape()) {
        case TEXT -> tensor.addShape(output.columns());
        case TOKEN -> tensor.addShape(width).addShape(output.columns());
        case TOKEN_SCALAR -> tensor.addShape(width);
      }
      ByteBuffer numbers = numbers(output, readouts.indexOf(output.readout()), answer, width);
      if (parameters.typed()) {
        InferTensorContents.Builder contents = tensor.getContentsBuilder();
        while (numbers.hasRemaining()) {
          contents.addFp32Contents(numbers.getFloat());
        }
      } else {
        // Nobody else has the array.
        ByteString raw = UnsafeByteOperations.unsafeWrap(numbers);
        response.addRawOutputContents(raw);
      }
    }
    return response.build();
  }

  /// An output's numbers, row-major and little-endian; rows of tokens that are not there stay zero.
  private static ByteBuffer numbers(
      OutputTensor output, int readout, Answer<Rows> answer, int width) {
    List<TextInput> texts = answer.prepared().texts();
    int perText = Math.toIntExact(output.numbersPerText(width));
    ByteBuffer bytes =
        ByteBuffer.allocate(texts.size() * perText * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int text = 0; text < texts.size(); text++) {
      Matrix matrix = answer.outputs().get(text).get(readout);
      int[] positions = texts.get(text).positions();
      for (int row = 0; row < matrix.rows(); row++) {
        int place = output.shape() == OutputTensor.Shape.TEXT ? 0 : positions[row];
        int target = text * perText + place * output.columns();
        for (int column = 0; column < output.columns(); column++) {
          bytes.putFloat(
              (target + column) * Float.BYTES, matrix.at(row, output.firstColumn() + column));
        }
      }
    }
    return bytes;
  }

  /// A sentence-transformers folder's own prompt is part of how it makes a vector; other heads have
  /// none.
  private static String prompt(ModelHandle handle) {
    return handle.embedding().sentence() ? handle.embedding().prompt() : "";
  }
}
