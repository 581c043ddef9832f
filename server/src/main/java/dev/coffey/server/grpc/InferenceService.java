package dev.coffey.server.grpc;

import dev.coffey.proto.v1.AnswerRequest;
import dev.coffey.proto.v1.AnswerResponse;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.DetokenizeRequest;
import dev.coffey.proto.v1.DetokenizeResponse;
import dev.coffey.proto.v1.EmbedRequest;
import dev.coffey.proto.v1.EmbedResponse;
import dev.coffey.proto.v1.FillMaskRequest;
import dev.coffey.proto.v1.FillMaskResponse;
import dev.coffey.proto.v1.InferenceServiceGrpc;
import dev.coffey.proto.v1.RankRequest;
import dev.coffey.proto.v1.RankResponse;
import dev.coffey.proto.v1.StreamRequest;
import dev.coffey.proto.v1.StreamResponse;
import dev.coffey.proto.v1.SummarizeRequest;
import dev.coffey.proto.v1.SummarizeResponse;
import dev.coffey.proto.v1.TagRequest;
import dev.coffey.proto.v1.TagResponse;
import dev.coffey.proto.v1.TokenizeRequest;
import dev.coffey.proto.v1.TokenizeResponse;
import dev.coffey.proto.v1.ZeroShotRequest;
import dev.coffey.proto.v1.ZeroShotResponse;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;

/// `coffey.v1.InferenceService`: the typed API. A text's own fault is the status of its result; all
/// else ends the call.
final class InferenceService extends InferenceServiceGrpc.InferenceServiceImplBase {
  private final TypedTasks tasks;
  private final MessageStreams streams;

  InferenceService(TypedTasks tasks, MessageStreams streams) {
    this.tasks = tasks;
    this.streams = streams;
  }

  @Override
  public void classify(ClassifyRequest request, StreamObserver<ClassifyResponse> observer) {
    Replies.later(observer, () -> tasks.classify().answer(request));
  }

  @Override
  public void embed(EmbedRequest request, StreamObserver<EmbedResponse> observer) {
    Replies.later(observer, () -> tasks.embed().answer(request));
  }

  @Override
  public void rank(RankRequest request, StreamObserver<RankResponse> observer) {
    Replies.later(observer, () -> tasks.rank().answer(request));
  }

  @Override
  public void tag(TagRequest request, StreamObserver<TagResponse> observer) {
    Replies.later(observer, () -> tasks.tag().answer(request));
  }

  @Override
  public void answer(AnswerRequest request, StreamObserver<AnswerResponse> observer) {
    Replies.later(observer, () -> tasks.answer().answer(request));
  }

  @Override
  public void fillMask(FillMaskRequest request, StreamObserver<FillMaskResponse> observer) {
    Replies.later(observer, () -> tasks.fillMask().answer(request));
  }

  @Override
  public void zeroShot(ZeroShotRequest request, StreamObserver<ZeroShotResponse> observer) {
    Replies.later(observer, () -> tasks.zeroShot().answer(request));
  }

  @Override
  public void summarize(SummarizeRequest request, StreamObserver<SummarizeResponse> observer) {
    Replies.later(observer, () -> tasks.summarize().answer(request));
  }

  @Override
  public void tokenize(TokenizeRequest request, StreamObserver<TokenizeResponse> observer) {
    Replies.later(observer, () -> tasks.tokenize().answer(request));
  }

  @Override
  public void detokenize(DetokenizeRequest request, StreamObserver<DetokenizeResponse> observer) {
    Replies.later(observer, () -> tasks.detokenize().answer(request));
  }

  @Override
  public StreamObserver<StreamRequest> stream(StreamObserver<StreamResponse> observer) {
    return streams.open((ServerCallStreamObserver<StreamResponse>) observer);
  }
}
