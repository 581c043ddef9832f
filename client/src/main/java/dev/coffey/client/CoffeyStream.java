package dev.coffey.client;

import dev.coffey.proto.v1.AnswerRequest;
import dev.coffey.proto.v1.AnswerResponse;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.EmbedRequest;
import dev.coffey.proto.v1.EmbedResponse;
import dev.coffey.proto.v1.FillMaskRequest;
import dev.coffey.proto.v1.FillMaskResponse;
import dev.coffey.proto.v1.InferenceServiceGrpc;
import dev.coffey.proto.v1.RankRequest;
import dev.coffey.proto.v1.RankResponse;
import dev.coffey.proto.v1.StreamRequest;
import dev.coffey.proto.v1.StreamResponse;
import dev.coffey.proto.v1.StreamResponse.ResponseCase;
import dev.coffey.proto.v1.SummarizeRequest;
import dev.coffey.proto.v1.SummarizeResponse;
import dev.coffey.proto.v1.TagRequest;
import dev.coffey.proto.v1.TagResponse;
import dev.coffey.proto.v1.TokenizeRequest;
import dev.coffey.proto.v1.TokenizeResponse;
import dev.coffey.proto.v1.ZeroShotRequest;
import dev.coffey.proto.v1.ZeroShotResponse;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Many requests on one call, each answered as soon as it is ready: cheaper than a call each where
/// there are thousands. Thread-safe. Made by [CoffeyClient#stream].
///
/// A request waits here until the server reads it: the methods block while it does not, so that
/// nothing piles up. A request that fails ends its own future with a [CoffeyException]; when the
/// call ends, so do all that are not answered. Nothing is retried. There is no deadline: close the
/// stream, or give it up with [#cancel].
public final class CoffeyStream implements AutoCloseable {
  private final String target;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  // Guarded by the lock.
  private final Map<Long, CompletableFuture<StreamResponse>> open = new HashMap<>();
  private @Nullable CoffeyException end;
  private boolean closed;
  private long lastId;

  private final Responses responses = new Responses();

  private CoffeyStream(String target) {
    this.target = target;
  }

  static CoffeyStream open(Connection connection) {
    CoffeyStream stream = new CoffeyStream(connection.target());
    var _ = InferenceServiceGrpc.newStub(connection.channel()).stream(stream.responses);
    return stream;
  }

  /// Labels for texts.
  public CompletableFuture<ClassifyResponse> classify(ClassifyRequest request) {
    return send(
        StreamRequest.newBuilder().setClassify(request),
        ResponseCase.CLASSIFY,
        StreamResponse::getClassify);
  }

  /// Vectors of texts.
  public CompletableFuture<EmbedResponse> embed(EmbedRequest request) {
    return send(
        StreamRequest.newBuilder().setEmbed(request), ResponseCase.EMBED, StreamResponse::getEmbed);
  }

  /// Documents by their relevance.
  public CompletableFuture<RankResponse> rank(RankRequest request) {
    return send(
        StreamRequest.newBuilder().setRank(request), ResponseCase.RANK, StreamResponse::getRank);
  }

  /// Entities in texts.
  public CompletableFuture<TagResponse> tag(TagRequest request) {
    return send(
        StreamRequest.newBuilder().setTag(request), ResponseCase.TAG, StreamResponse::getTag);
  }

  /// Answers to questions.
  public CompletableFuture<AnswerResponse> answer(AnswerRequest request) {
    return send(
        StreamRequest.newBuilder().setAnswer(request),
        ResponseCase.ANSWER,
        StreamResponse::getAnswer);
  }

  /// Tokens for masks.
  public CompletableFuture<FillMaskResponse> fillMask(FillMaskRequest request) {
    return send(
        StreamRequest.newBuilder().setFillMask(request),
        ResponseCase.FILL_MASK,
        StreamResponse::getFillMask);
  }

  /// Labels of one's own.
  public CompletableFuture<ZeroShotResponse> zeroShot(ZeroShotRequest request) {
    return send(
        StreamRequest.newBuilder().setZeroShot(request),
        ResponseCase.ZERO_SHOT,
        StreamResponse::getZeroShot);
  }

  /// Summaries of texts.
  public CompletableFuture<SummarizeResponse> summarize(SummarizeRequest request) {
    return send(
        StreamRequest.newBuilder().setSummarize(request),
        ResponseCase.SUMMARIZE,
        StreamResponse::getSummarize);
  }

  /// Tokens of texts.
  public CompletableFuture<TokenizeResponse> tokenize(TokenizeRequest request) {
    return send(
        StreamRequest.newBuilder().setTokenize(request),
        ResponseCase.TOKENIZE,
        StreamResponse::getTokenize);
  }

  private <T> CompletableFuture<T> send(
      StreamRequest.Builder request, ResponseCase kind, Function<StreamResponse, T> value) {
    CompletableFuture<StreamResponse> answer = new CompletableFuture<>();
    lock.lock();
    try {
      while (end == null && !closed && !responses.requests().isReady()) {
        changed.await();
      }
      if (closed) {
        throw new IllegalStateException("the stream is closed");
      }
      if (end != null) {
        throw end;
      }
      long id = ++lastId;
      open.put(id, answer);
      responses.requests().onNext(request.setId(id).build());
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw CoffeyException.ofClient(Status.Code.CANCELLED, "the calling thread was interrupted");
    } finally {
      lock.unlock();
    }
    return answer.thenApply(response -> {
      if (response.hasError()) {
        throw CoffeyException.ofItem(response.getError());
      }
      if (response.getResponseCase() != kind) {
        throw CoffeyException.ofClient(
            Status.Code.INTERNAL,
            "the server answered with %s where %s was asked for"
                .formatted(response.getResponseCase(), kind));
      }
      return value.apply(response);
    });
  }

  /// Sends nothing more and waits until all that was sent is answered.
  @Override
  public void close() {
    lock.lock();
    try {
      if (!closed) {
        closed = true;
        changed.signalAll();
        if (end == null) {
          responses.requests().onCompleted();
        }
      }
      while (!open.isEmpty()) {
        changed.await();
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      cancel();
    } finally {
      lock.unlock();
    }
  }

  /// Gives up what is not answered.
  public void cancel() {
    responses.requests().cancel("the caller cancelled the stream", null);
  }

  private void ended(CoffeyException failure) {
    List<CompletableFuture<StreamResponse>> unanswered;
    lock.lock();
    try {
      end = failure;
      unanswered = new ArrayList<>(open.values());
      open.clear();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    unanswered.forEach(answer -> answer.completeExceptionally(failure));
  }

  /// The server's side. gRPC calls it from one thread at a time.
  private final class Responses implements ClientResponseObserver<StreamRequest, StreamResponse> {
    private @Nullable ClientCallStreamObserver<StreamRequest> requests;

    ClientCallStreamObserver<StreamRequest> requests() {
      if (requests == null) {
        throw new IllegalStateException("the call has not begun");
      }
      return requests;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<StreamRequest> stream) {
      requests = stream;
      stream.setOnReadyHandler(() -> {
        lock.lock();
        try {
          changed.signalAll();
        } finally {
          lock.unlock();
        }
      });
    }

    @Override
    public void onNext(StreamResponse response) {
      CompletableFuture<StreamResponse> answer;
      lock.lock();
      try {
        answer = open.remove(response.getId());
        changed.signalAll();
      } finally {
        lock.unlock();
      }
      if (answer != null) {
        answer.complete(response);
      }
    }

    @Override
    public void onError(Throwable failure) {
      ended(CoffeyException.ofCall(target, failure));
    }

    @Override
    public void onCompleted() {
      ended(
          CoffeyException.ofClient(
              Status.Code.UNAVAILABLE, "the server ended the stream before it answered"));
    }
  }
}
