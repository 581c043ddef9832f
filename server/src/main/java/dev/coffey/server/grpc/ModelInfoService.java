package dev.coffey.server.grpc;

import com.google.protobuf.util.Durations;
import dev.coffey.kernels.Kernels;
import dev.coffey.model.HeadKind;
import dev.coffey.model.ModelConfig;
import dev.coffey.proto.v1.GetModelRequest;
import dev.coffey.proto.v1.GetModelResponse;
import dev.coffey.proto.v1.ListModelsRequest;
import dev.coffey.proto.v1.ListModelsResponse;
import dev.coffey.proto.v1.LoadModelRequest;
import dev.coffey.proto.v1.LoadModelResponse;
import dev.coffey.proto.v1.ModelServiceGrpc;
import dev.coffey.proto.v1.ModelState;
import dev.coffey.proto.v1.ModelSummary;
import dev.coffey.proto.v1.Task;
import dev.coffey.proto.v1.UnloadModelRequest;
import dev.coffey.proto.v1.UnloadModelResponse;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelRegistry;
import dev.coffey.server.registry.ModelStatus;
import dev.coffey.server.registry.ModelTask;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// `coffey.v1.ModelService`: what the server has, in short and in detail, and changes of it.
final class ModelInfoService extends ModelServiceGrpc.ModelServiceImplBase {
  private final ModelRegistry registry;
  private final ModelLoader loader;

  ModelInfoService(ModelRegistry registry, ModelLoader loader) {
    this.registry = registry;
    this.loader = loader;
  }

  @Override
  public void listModels(ListModelsRequest request, StreamObserver<ListModelsResponse> observer) {
    Replies.now(
        observer,
        () -> {
          ListModelsResponse.Builder response = ListModelsResponse.newBuilder();
          registry.list().forEach(status -> response.addModels(summary(status)));
          return response.build();
        });
  }

  @Override
  public void getModel(GetModelRequest request, StreamObserver<GetModelResponse> observer) {
    Replies.now(
        observer,
        () -> {
          ModelHandle handle =
              registry.find(request.getModel(), request.getVersion(), Optional.empty());
          ModelConfig config = handle.config();
          Kernels kernels = registry.kernels();
          return GetModelResponse.newBuilder()
              .setSummary(summary(handle))
              .setFamily(config.modelType())
              .setArchitecture(
                  config.architectures().isEmpty() ? "" : config.architectures().getFirst())
              .setMaxTokens(handle.maxTokens())
              .setVocabulary(config.vocabSize())
              .setHiddenSize(handle.hiddenSize())
              .setLayers(config.layers())
              .setParameters(handle.parameters())
              .addAllLabels(hasLabels(handle.headKind()) ? config.labels() : List.of())
              .addAllSurplusTensors(handle.model().surplusTensors())
              .setBackend(kernels.name())
              .setPrecision(kernels.precision().word())
              .setLoadTime(Durations.fromNanos(handle.loadTime().toNanos()))
              .setWeightBytes(handle.model().weightBytes())
              .addAllDevices(registry.devices())
              .build();
        });
  }

  /// Other heads' configs have the library's LABEL_0 and LABEL_1, which mean nothing there.
  private static boolean hasLabels(HeadKind head) {
    return switch (head) {
      case SEQUENCE_CLASSIFICATION, TOKEN_CLASSIFICATION -> true;
      case NONE, QUESTION_ANSWERING, MASKED_LM, NEXT_SENTENCE, PRETRAINING -> false;
    };
  }

  private static ModelSummary summary(ModelStatus status) {
    ModelSummary.Builder summary =
        ModelSummary.newBuilder()
            .setName(status.name())
            .setVersion(status.version())
            .setState(state(status.state()))
            .setMessage(status.message());
    status.handle().map(ModelHandle::tasks).orElse(Set.of()).stream()
        .sorted()
        .forEach(task -> summary.addTasks(task(task)));
    return summary.build();
  }

  private static ModelState state(dev.coffey.server.registry.ModelState state) {
    return switch (state) {
      case LOADING -> ModelState.MODEL_STATE_LOADING;
      case READY -> ModelState.MODEL_STATE_READY;
      case UNLOADING -> ModelState.MODEL_STATE_UNLOADING;
      case FAILED -> ModelState.MODEL_STATE_FAILED;
    };
  }

  private static Task task(ModelTask task) {
    return switch (task) {
      case CLASSIFY -> Task.TASK_CLASSIFY;
      case EMBED -> Task.TASK_EMBED;
      case RANK -> Task.TASK_RANK;
      case TAG -> Task.TASK_TAG;
      case ANSWER -> Task.TASK_ANSWER;
      case FILL_MASK -> Task.TASK_FILL_MASK;
      case ZERO_SHOT -> Task.TASK_ZERO_SHOT;
      case SUMMARIZE -> Task.TASK_SUMMARIZE;
    };
  }

  @Override
  public void loadModel(LoadModelRequest request, StreamObserver<LoadModelResponse> observer) {
    Replies.later(
        observer,
        () ->
            loader
                .load(named(request.getModel()), request.getVersion())
                .thenApply(
                    handle -> LoadModelResponse.newBuilder().setSummary(summary(handle)).build()));
  }

  @Override
  public void unloadModel(
      UnloadModelRequest request, StreamObserver<UnloadModelResponse> observer) {
    Replies.later(
        observer,
        () ->
            loader
                .unload(named(request.getModel()), request.getVersion())
                .thenApply(_ -> UnloadModelResponse.getDefaultInstance()));
  }

  private static String named(String model) {
    if (model.isEmpty()) {
      throw new InvalidArgument("model", "no model named; name one");
    }
    return model;
  }

  private static ModelSummary summary(ModelHandle handle) {
    return summary(
        new ModelStatus(handle.name(), handle.version(), handle.state(), "", Optional.of(handle)));
  }
}
