package dev.coffey.server.grpc;

import dev.coffey.proto.v1.StreamRequest;
import dev.coffey.proto.v1.StreamResponse;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.failure.InferenceException.Unavailable;
import io.grpc.Context;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/// One call of `Stream`: requests come in, each is answered by its id as soon as it is ready.
///
/// Flow control: the client is granted [#WINDOW] messages, and one more for each response that
/// leaves. So what is held, from a message's arrival until its response is handed to a transport
/// that has room for it, is bounded: who reads slowly may send slowly.
///
/// gRPC calls the observer's methods one after the other; responses become ready on any thread, and
/// the lock orders them.
final class MessageStream implements StreamObserver<StreamRequest> {
  /// Messages of a stream that may be read and not yet answered: enough for a full batch of short
  /// texts, and a message may hold many.
  static final int WINDOW = 64;

  /// By then a client should have found another server.
  private static final Duration DRAIN_RETRY = Duration.ofSeconds(1);

  private final TypedTask<StreamRequest, StreamResponse> task;
  private final ServerCallStreamObserver<StreamResponse> responses;
  private final Consumer<MessageStream> onEnd;
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by the lock.
  private final Set<Long> open = new HashSet<>();
  private final Queue<StreamResponse> ready = new ArrayDeque<>();

  /// Messages read whose response has not left.
  private int unanswered;

  private boolean halfClosed;
  private boolean draining;
  private boolean ended;

  /// @param task answers a message, but for its id
  /// @param onEnd called once, when nothing more will be sent
  MessageStream(
      TypedTask<StreamRequest, StreamResponse> task,
      ServerCallStreamObserver<StreamResponse> responses,
      Consumer<MessageStream> onEnd) {
    this.task = task;
    this.responses = responses;
    this.onEnd = onEnd;
  }

  /// Grants the first messages. Call it before the method of the service returns.
  void start() {
    responses.disableAutoRequest();
    responses.setOnReadyHandler(this::send);
    // What is under way is cancelled through its context, a child of the call's.
    responses.setOnCancelHandler(this::abandon);
    responses.request(WINDOW);
  }

  @Override
  public void onNext(StreamRequest message) {
    long id = message.getId();
    switch (begin(id)) {
      case BEGUN -> answer(id, message);
      case DUPLICATE ->
          respond(
              refusal(
                  id,
                  new InvalidArgument(
                      "id",
                      "id %s is that of a message that is not answered yet; choose another"
                          .formatted(Long.toUnsignedString(id)))));
      case TOO_LATE -> {}
    }
  }

  private enum Entry {
    BEGUN,
    DUPLICATE,
    /// The stream's own status tells the client.
    TOO_LATE
  }

  private Entry begin(long id) {
    lock.lock();
    try {
      if (draining || ended) {
        return Entry.TOO_LATE;
      }
      unanswered++;
      return open.add(id) ? Entry.BEGUN : Entry.DUPLICATE;
    } finally {
      lock.unlock();
    }
  }

  private void answer(long id, StreamRequest message) {
    // A context of its own, so that nothing of an answered message stays on the call's.
    Context.CancellableContext context = Context.current().withCancellation();
    var _ =
        answer(context, message)
            .whenComplete((response, failure) -> {
              context.cancel(null);
              lock.lock();
              try {
                open.remove(id);
              } finally {
                lock.unlock();
              }
              respond(
                  failure == null ? response.toBuilder().setId(id).build() : refusal(id, failure));
            });
  }

  private CompletionStage<StreamResponse> answer(Context context, StreamRequest message) {
    Context outer = context.attach();
    try {
      return task.answer(message);
    } catch (RuntimeException | Error e) {
      return CompletableFuture.failedStage(e);
    } finally {
      context.detach(outer);
    }
  }

  private static StreamResponse refusal(long id, Throwable failure) {
    return StreamResponse.newBuilder().setId(id).setError(StatusMapper.ofAny(failure)).build();
  }

  private void respond(StreamResponse response) {
    lock.lock();
    try {
      ready.add(response);
      send();
    } finally {
      lock.unlock();
    }
  }

  /// Sends what the transport has room for, and ends the stream when nothing more is to come.
  private void send() {
    lock.lock();
    try {
      while (!ended && responses.isReady() && !ready.isEmpty()) {
        responses.onNext(ready.remove());
        unanswered--;
        if (!draining) {
          responses.request(1);
        }
      }
      if (!ended && unanswered == 0 && halfClosed) {
        end();
        responses.onCompleted();
      } else if (!ended && unanswered == 0 && draining) {
        end();
        responses.onError(
            StatusMapper.error(new Unavailable("the server is shutting down", DRAIN_RETRY)));
      }
    } finally {
      lock.unlock();
    }
  }

  /// Answers what was read, reads nothing more, and then ends the stream with UNAVAILABLE.
  void drain() {
    lock.lock();
    try {
      draining = true;
      send();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void onCompleted() {
    lock.lock();
    try {
      halfClosed = true;
      send();
    } finally {
      lock.unlock();
    }
  }

  /// The client is gone, or its deadline has passed; gRPC has cancelled the call's context.
  @Override
  public void onError(Throwable failure) {
    abandon();
  }

  private void abandon() {
    lock.lock();
    try {
      ready.clear();
      end();
    } finally {
      lock.unlock();
    }
  }

  private void end() {
    if (!ended) {
      ended = true;
      onEnd.accept(this);
    }
  }
}
