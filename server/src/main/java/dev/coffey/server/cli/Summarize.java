package dev.coffey.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.coffey.client.CoffeyClient;
import dev.coffey.proto.v1.SummarizeRequest;
import dev.coffey.proto.v1.SummarizeResponse;
import dev.coffey.proto.v1.SummarizeResult;
import dev.coffey.proto.v1.SummarySentence;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `coffey summarize`.
@Command(
    name = "summarize",
    description = "Prints the sentences that stand for each text. Exits with 1 if a text failed.")
final class Summarize extends TextCommand {

  @Option(names = "--sentences", paramLabel = "N", description = "How many sentences (default 3).")
  private @Nullable Integer sentences;

  @Option(
      names = "--ratio",
      paramLabel = "SHARE",
      description = "This share of the sentences, more than 0 and at most 1.")
  private @Nullable Float ratio;

  Summarize(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  CompletableFuture<List<TextReply>> send(CoffeyClient client, String model, List<String> texts) {
    if (sentences != null && ratio != null) {
      throw new WrongUsage("--sentences and --ratio are two ways to say the same: give one");
    }
    SummarizeRequest.Builder request =
        SummarizeRequest.newBuilder().setModel(model).addAllInputs(inputs(texts));
    if (sentences != null) {
      request.setSentences(sentences);
    }
    if (ratio != null) {
      request.setRatio(ratio);
    }
    return client
        .summarizeAsync(request.build())
        .thenApply(response ->
            response.getResultsList().stream().map(result -> reply(response, result)).toList());
  }

  private static TextReply reply(SummarizeResponse response, SummarizeResult result) {
    if (result.hasError()) {
      return TextReply.error(result.getError());
    }
    List<SummarySentence> chosen = result.getSummary().getSentencesList();
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    ArrayNode list = json.putArray("sentences");
    for (SummarySentence sentence : chosen) {
      TextReply.span(list.addObject().put("score", sentence.getScore()), sentence.getSpan());
    }
    TextReply.usage(json, result.getUsage());
    TextReply.info(json, response.getInfo());
    return TextReply.result(
        chosen.stream()
            .map(sentence -> TextReply.line(sentence.getSpan().getText()))
            .collect(Collectors.joining(" ")),
        json);
  }
}
