package dev.coffey.server.grpc;

import dev.coffey.model.tokenize.CodePoints;
import dev.coffey.model.tokenize.TokenizedText;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.model.tokenize.Truncation;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.Span;
import dev.coffey.proto.v1.Token;
import dev.coffey.proto.v1.TokenizeRequest;
import dev.coffey.proto.v1.TokenizeResponse;
import dev.coffey.proto.v1.TokenizeResult;
import dev.coffey.proto.v1.Tokens;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.registry.ModelHandle;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/// Text to token ids.
final class TokenizeTask implements TypedTask<TokenizeRequest, TokenizeResponse> {
  private final TaskRunner runner;

  TokenizeTask(TaskRunner runner) {
    this.runner = runner;
  }

  @Override
  public CompletionStage<TokenizeResponse> answer(TokenizeRequest request) {
    runner.checkCount("inputs", request.getInputsCount());
    ModelHandle handle = runner.find(request.getModel(), request.getVersion());
    Tokenizer tokenizer = InputReader.tokenizer(handle, "model");
    long start = System.nanoTime();
    TokenizeResponse.Builder response = TokenizeResponse.newBuilder();
    for (int i = 0; i < request.getInputsCount(); i++) {
      response.addResults(
          tokens(tokenizer, request.getInputs(i), i, !request.getWithoutSpecials()));
    }
    TokenizeResponse built =
        response.setInfo(TaskRunner.info(handle, System.nanoTime() - start)).build();
    runner.checkResponse(built.getSerializedSize());
    return CompletableFuture.completedStage(built);
  }

  private static TokenizeResult tokens(
      Tokenizer tokenizer, Input input, int index, boolean specials) {
    String field = "inputs[" + index + "]";
    try {
      return switch (input.getKindCase()) {
        case TEXT -> tokens(tokenizer, input.getText(), null, specials);
        case PAIR ->
            tokens(tokenizer, input.getPair().getFirst(), input.getPair().getSecond(), specials);
        case IDS ->
            throw new InvalidArgument(field, "token ids can't be tokenized; send text or pair");
        case KIND_NOT_SET -> throw new InvalidArgument(field, "empty input; set text or pair");
      };
    } catch (InvalidArgument fault) {
      return TokenizeResult.newBuilder().setError(StatusMapper.status(fault)).build();
    } catch (IllegalArgumentException e) {
      return TokenizeResult.newBuilder()
          .setError(StatusMapper.status(new InvalidArgument(field, String.valueOf(e.getMessage()))))
          .build();
    }
  }

  private static TokenizeResult tokens(
      Tokenizer tokenizer, String first, @Nullable String second, boolean specials) {
    // Any length: a caller may want to count the tokens of a text that is too long for the model.
    TokenizedText text =
        tokenizer.tokenize(first, second, specials, Truncation.NONE, Integer.MAX_VALUE);
    CodePoints firsts = new CodePoints(first);
    CodePoints seconds = second == null ? firsts : new CodePoints(second);
    Tokens.Builder tokens = Tokens.newBuilder();
    for (dev.coffey.model.tokenize.Token token : text.tokens()) {
      Token.Builder target =
          tokens
              .addTokensBuilder()
              .setId(token.id())
              .setPiece(token.piece())
              .setTypeId(token.type())
              .setSpecial(token.special());
      if (!token.special()) {
        CodePoints whole = token.sequence() == 1 ? seconds : firsts;
        target.setSpan(
            Span.newBuilder()
                .setText(whole.piece(token.start(), token.end()))
                .setStart(token.start())
                .setEnd(token.end())
                .setStartByte(token.byteStart())
                .setEndByte(token.byteEnd()));
      }
    }
    return TokenizeResult.newBuilder().setTokens(tokens).build();
  }
}
