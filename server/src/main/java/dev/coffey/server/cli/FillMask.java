package dev.coffey.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.coffey.client.CoffeyClient;
import dev.coffey.proto.v1.FillMaskRequest;
import dev.coffey.proto.v1.FillMaskResponse;
import dev.coffey.proto.v1.FillMaskResult;
import dev.coffey.proto.v1.FilledMask;
import dev.coffey.proto.v1.MaskCandidate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `coffey fill-mask`.
@Command(
    name = "fill-mask",
    description =
        "Prints the best tokens for each mask of each text. Exits with 1 if a text failed.")
final class FillMask extends TextCommand {
  @Mixin private final TruncateOption truncate = new TruncateOption();

  @Option(
      names = "--top-k",
      paramLabel = "N",
      description = "How many tokens a mask, best first (default 5).")
  private int topK;

  @Option(
      names = "--targets",
      paramLabel = "TOKEN",
      description = "Score these tokens only; as often as needed.")
  private List<String> targets = new ArrayList<>();

  FillMask(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  CompletableFuture<List<TextReply>> send(CoffeyClient client, String model, List<String> texts) {
    if (topK < 0) {
      throw new WrongUsage("--top-k = %d: must be 0 (5 tokens) or more".formatted(topK));
    }
    return client
        .fillMaskAsync(
            FillMaskRequest.newBuilder()
                .setModel(model)
                .addAllInputs(inputs(texts))
                .setOptions(truncate.options())
                .setTopK(topK)
                .addAllTargets(targets)
                .build())
        .thenApply(response ->
            response.getResultsList().stream().map(result -> reply(response, result)).toList());
  }

  private static TextReply reply(FillMaskResponse response, FillMaskResult result) {
    if (result.hasError()) {
      return TextReply.error(result.getError());
    }
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    ArrayNode masks = json.putArray("masks");
    for (FilledMask mask : result.getMasks().getMasksList()) {
      ArrayNode candidates = masks.addArray();
      for (MaskCandidate candidate : mask.getCandidatesList()) {
        candidates
            .addObject()
            .put("id", candidate.getTokenId())
            .put("token", candidate.getToken())
            .put("score", candidate.getScore())
            .put("sentence", candidate.getSentence());
      }
    }
    TextReply.usage(json, result.getUsage());
    TextReply.info(json, response.getInfo());
    return TextReply.result(
        result.getMasks().getMasksList().stream()
            .map(FillMask::plain)
            .collect(Collectors.joining("\t")),
        json);
  }

  private static String plain(FilledMask mask) {
    return mask.getCandidatesList().stream()
        .map(one -> String.format(Locale.ROOT, "%s %.4f", one.getToken(), one.getScore()))
        .collect(Collectors.joining(" "));
  }
}
