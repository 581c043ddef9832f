package dev.coffey.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.coffey.client.CoffeyClient;
import dev.coffey.proto.v1.Token;
import dev.coffey.proto.v1.TokenizeRequest;
import dev.coffey.proto.v1.TokenizeResponse;
import dev.coffey.proto.v1.TokenizeResult;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `coffey tokenize`.
@Command(
    name = "tokenize",
    description = "Prints the tokens of each text, as id:piece. Exits with 1 if a text failed.")
final class Tokenize extends TextCommand {
  @Option(names = "--without-specials", description = "Leave out [CLS], [SEP] and the like.")
  private boolean withoutSpecials;

  Tokenize(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  CompletableFuture<List<TextReply>> send(CoffeyClient client, String model, List<String> texts) {
    return client
        .tokenizeAsync(
            TokenizeRequest.newBuilder()
                .setModel(model)
                .addAllInputs(inputs(texts))
                .setWithoutSpecials(withoutSpecials)
                .build())
        .thenApply(response ->
            response.getResultsList().stream().map(result -> reply(response, result)).toList());
  }

  private static TextReply reply(TokenizeResponse response, TokenizeResult result) {
    if (result.hasError()) {
      return TextReply.error(result.getError());
    }
    List<Token> tokens = result.getTokens().getTokensList();
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    ArrayNode ids = json.putArray("ids");
    tokens.forEach(token -> ids.add(token.getId()));
    ArrayNode pieces = json.putArray("pieces");
    tokens.forEach(token -> pieces.add(token.getPiece()));
    ArrayNode spans = json.putArray("spans");
    for (Token token : tokens) {
      if (token.hasSpan()) {
        spans.addArray().add(token.getSpan().getStart()).add(token.getSpan().getEnd());
      } else {
        spans.addNull();
      }
    }
    TextReply.info(json, response.getInfo());
    return TextReply.result(
        tokens.stream()
            .map(token -> token.getId() + ":" + token.getPiece())
            .collect(Collectors.joining(" ")),
        json);
  }
}
