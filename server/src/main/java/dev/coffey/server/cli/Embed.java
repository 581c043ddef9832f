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
import org.jspecify.annotations.Nullable;
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

  @Option(
      names = "--dimensions",
      paramLabel = "N",
      description = "Keep only the first N numbers of each vector (default: all).")
  private int dimensions;

  @Option(
      names = "--prompt-name",
      paramLabel = "NAME",
      description = "Put the prompt of this name, from the model's folder, before each text.")
  private @Nullable String promptName;

  Embed(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  CompletableFuture<List<TextReply>> send(CoffeyClient client, String model, List<String> texts) {
    if (dimensions < 0) {
      throw new WrongUsage("--dimensions = %d: must be 0 (all) or more".formatted(dimensions));
    }
    EmbedRequest.Builder request =
        EmbedRequest.newBuilder()
            .setModel(model)
            .addAllInputs(inputs(texts))
            .setOptions(truncate.options())
            .setDimensions(dimensions)
            .setNormalization(
                normalize
                    ? Normalization.NORMALIZATION_ON
                    : Normalization.NORMALIZATION_UNSPECIFIED);
    if (promptName != null) {
      request.setPromptName(promptName);
    }
    return client
        .embedAsync(request.build())
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
