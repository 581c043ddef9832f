package dev.coffey.server.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.coffey.client.CoffeyClient;
import dev.coffey.proto.v1.DetokenizeRequest;
import dev.coffey.proto.v1.DetokenizeResponse;
import dev.coffey.proto.v1.DetokenizeResult;
import dev.coffey.proto.v1.TokenIds;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `coffey detokenize`.
@Command(
    name = "detokenize",
    description =
        "Prints the text of token ids, which are numbers parted by spaces. Exits with 1 if a text failed.")
final class Detokenize extends TextCommand {

  @Option(names = "--keep-specials", description = "Keep [CLS], [SEP] and the like.")
  private boolean keepSpecials;

  Detokenize(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  CompletableFuture<List<TextReply>> send(CoffeyClient client, String model, List<String> texts) {
    return client
        .detokenizeAsync(
            DetokenizeRequest.newBuilder()
                .setModel(model)
                .addAllInputs(texts.stream().map(Detokenize::ids).toList())
                .setKeepSpecials(keepSpecials)
                .build())
        .thenApply(response ->
            response.getResultsList().stream().map(result -> reply(response, result)).toList());
  }

  private static TokenIds ids(String line) {
    TokenIds.Builder ids = TokenIds.newBuilder();
    for (String id : line.strip().split("[\\s,]+")) {
      try {
        ids.addIds(Integer.parseInt(id));
      } catch (NumberFormatException _) {
        throw new CommandFailure(
            "'%s' is no token id; give numbers with spaces between".formatted(id));
      }
    }
    return ids.build();
  }

  private static TextReply reply(DetokenizeResponse response, DetokenizeResult result) {
    if (result.hasError()) {
      return TextReply.error(result.getError());
    }
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("decoded", result.getText());
    TextReply.info(json, response.getInfo());
    return TextReply.result(TextReply.line(result.getText()), json);
  }
}
