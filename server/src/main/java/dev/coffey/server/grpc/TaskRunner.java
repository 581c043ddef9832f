package dev.coffey.server.grpc;

import com.google.protobuf.util.Durations;
import dev.coffey.proto.v1.ResponseInfo;
import dev.coffey.proto.v1.Timing;
import dev.coffey.proto.v1.TokenUsage;
import dev.coffey.server.grpc.Inference.Times;
import dev.coffey.server.grpc.WorkSheet.Outcome;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelRegistry;
import dev.coffey.server.registry.ModelTask;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.Supplier;

/// What the tasks of the typed API share: to find the model, to have the work of a request's items
/// done, and what every response tells.
final class TaskRunner {
  private final ModelRegistry registry;
  private final Inference inference;
  private final GrpcConfig config;

  TaskRunner(ModelRegistry registry, Inference inference, GrpcConfig config) {
    this.registry = registry;
    this.inference = inference;
    this.config = config;
  }

  /// The results of a request's items, in their order, and what answered.
  record Answer<R>(List<Outcome<R>> outcomes, ResponseInfo info) {}

  /// The model that a request names, or that it need not name.
  ModelHandle find(String model, String version, ModelTask task) {
    return registry.find(model, version, Optional.of(task));
  }

  /// As [#find(String, String, ModelTask)], for what any model can do.
  ModelHandle find(String model, String version) {
    return registry.find(model, version, Optional.empty());
  }

  /// Checks how many items a request has.
  ///
  /// @param field the path of their list
  void checkCount(String field, int items) {
    InputReader.checkCount(field, items, config.maxTexts());
  }

  /// Refuses an answer of `bytes` that is larger than clients take.
  void checkResponse(long bytes) {
    ResponseSize.check(bytes, config.maxResponseBytes());
  }

  /// Has the work of a request done and answers it.
  ///
  /// @param leastTokens what the request has at least
  /// @param prepare makes the work of each item; called on a handler
  <R, S> CompletionStage<S> run(
      ModelHandle handle,
      RequestOptionsReader options,
      long leastTokens,
      Supplier<List<Work<R>>> prepare,
      Function<Answer<R>, S> respond) {
    return inference
        .run(
            handle,
            leastTokens,
            () -> new WorkSheet<>(prepare.get()),
            options.priority(),
            inference.deadlineNanos(Optional.empty()))
        .thenApply(answer ->
            respond.apply(
                new Answer<>(
                    answer.prepared().outcomes(answer.outputs()), info(handle, answer.times()))));
  }

  /// The usage of an item that was read.
  static TokenUsage usage(Outcome.Done<?> done) {
    return TokenUsage.newBuilder().setRead(done.read()).setCut(done.cut()).build();
  }

  private static ResponseInfo info(ModelHandle handle, Times times) {
    return ResponseInfo.newBuilder()
        .setModel(handle.name())
        .setVersion(handle.version())
        .setTiming(
            Timing.newBuilder()
                .setTokenize(Durations.fromNanos(times.tokenizeNanos()))
                .setQueue(Durations.fromNanos(times.queueNanos()))
                .setCompute(Durations.fromNanos(times.computeNanos()))
                .setBatchTokens(times.batchTokens())
                .setBatchTexts(times.batchTexts()))
        .build();
  }

  /// The info of a response for which nothing was computed.
  static ResponseInfo info(ModelHandle handle, long tokenizeNanos) {
    return ResponseInfo.newBuilder()
        .setModel(handle.name())
        .setVersion(handle.version())
        .setTiming(Timing.newBuilder().setTokenize(Durations.fromNanos(tokenizeNanos)))
        .build();
  }
}
