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
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import java.util.concurrent.CompletionStage;

/// All tasks of the typed API, and with them what answers a message of `Stream`, but for its id.
record TypedTasks(
    TypedTask<ClassifyRequest, ClassifyResponse> classify,
    TypedTask<EmbedRequest, EmbedResponse> embed,
    TypedTask<RankRequest, RankResponse> rank,
    TypedTask<TagRequest, TagResponse> tag,
    TypedTask<AnswerRequest, AnswerResponse> answer,
    TypedTask<FillMaskRequest, FillMaskResponse> fillMask,
    TypedTask<ZeroShotRequest, ZeroShotResponse> zeroShot,
    TypedTask<SummarizeRequest, SummarizeResponse> summarize,
    TypedTask<TokenizeRequest, TokenizeResponse> tokenize,
    TypedTask<DetokenizeRequest, DetokenizeResponse> detokenize)
    implements TypedTask<StreamRequest, StreamResponse> {

  static TypedTasks of(TaskRunner runner) {
    return new TypedTasks(
        new ClassifyTask(runner),
        new EmbedTask(runner),
        new RankTask(runner),
        new TagTask(runner),
        new AnswerTask(runner),
        new FillMaskTask(runner),
        new ZeroShotTask(runner),
        new SummarizeTask(runner),
        new TokenizeTask(runner),
        new DetokenizeTask(runner));
  }

  @Override
  public CompletionStage<StreamResponse> answer(StreamRequest message) {
    StreamResponse.Builder response = StreamResponse.newBuilder();
    CompletionStage<StreamResponse.Builder> built =
        switch (message.getRequestCase()) {
          case CLASSIFY -> classify.answer(message.getClassify()).thenApply(response::setClassify);
          case EMBED -> embed.answer(message.getEmbed()).thenApply(response::setEmbed);
          case RANK -> rank.answer(message.getRank()).thenApply(response::setRank);
          case TAG -> tag.answer(message.getTag()).thenApply(response::setTag);
          case ANSWER -> answer.answer(message.getAnswer()).thenApply(response::setAnswer);
          case FILL_MASK -> fillMask.answer(message.getFillMask()).thenApply(response::setFillMask);
          case ZERO_SHOT -> zeroShot.answer(message.getZeroShot()).thenApply(response::setZeroShot);
          case SUMMARIZE ->
              summarize.answer(message.getSummarize()).thenApply(response::setSummarize);
          case TOKENIZE -> tokenize.answer(message.getTokenize()).thenApply(response::setTokenize);
          case DETOKENIZE ->
              detokenize.answer(message.getDetokenize()).thenApply(response::setDetokenize);
          case REQUEST_NOT_SET ->
              throw new InvalidArgument(
                  "request", "no request in the message; set one of classify, embed, …");
        };
    return built.thenApply(StreamResponse.Builder::build);
  }
}
