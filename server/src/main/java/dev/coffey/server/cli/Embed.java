package dev.coffey.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.coffey.client.CoffeyClient;
import dev.coffey.proto.v1.EmbedRequest;
import dev.coffey.proto.v1.EmbedResponse;
import dev.coffey.proto.v1.EmbedResult;
import dev.coffey.proto.v1.Normalization;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `coffey embed`.
@Command(
    name = "embed",
    description =
        "Prints the vector of each text, its numbers separated by spaces. Exits with 1 if a text failed.")
final class Embed extends TextCommand {
  @Mixin private final TruncateOption truncate = new TruncateOption();

  @Option(
      names = "--normalize",
      description = "Scale vectors to length 1, whatever the model's folder says.")
  private boolean normalize;

  Embed(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  CompletableFuture<List<TextReply>> send(CoffeyClient client, String model, List<String> texts) {
    return client
        .embedAsync(
            EmbedRequest.newBuilder()
                .setModel(model)
                .addAllInputs(inputs(texts))
                .setOptions(truncate.options())
                .setNormalization(
                    normalize
                        ? Normalization.NORMALIZATION_ON
                        : Normalization.NORMALIZATION_UNSPECIFIED)
                .build())
        .thenApply(response ->
            response.getResultsList().stream().map(result -> reply(response, result)).toList());
  }

  private static TextReply reply(EmbedResponse response, EmbedResult result) {
    if (result.hasError()) {
      return TextReply.error(result.getError());
    }
    List<Float> values = result.getEmbedding().getValuesList();
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    ArrayNode embedding = json.putArray("embedding");
    values.forEach(embedding::add);
    json.put("dimensions", values.size());
    TextReply.usage(json, result.getUsage());
    TextReply.info(json, response.getInfo());
    return TextReply.result(
        values.stream().map(String::valueOf).collect(Collectors.joining(" ")), json);
  }
}
