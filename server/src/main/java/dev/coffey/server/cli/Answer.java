package dev.coffey.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.coffey.client.CoffeyClient;
import dev.coffey.proto.v1.AnswerRequest;
import dev.coffey.proto.v1.AnswerResponse;
import dev.coffey.proto.v1.AnswerResult;
import dev.coffey.proto.v1.AnswerSpan;
import dev.coffey.proto.v1.Question;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `coffey answer`.
@Command(
    name = "answer",
    description =
        "Prints the piece of a context that answers each question, with its score. Exits with 1 if a text failed.")
final class Answer extends TextCommand {

  @Option(
      names = "--context",
      paramLabel = "TEXT",
      description = "The text that the answers stand in.")
  private @Nullable String context;

  @Option(
      names = "--context-file",
      paramLabel = "FILE",
      description = "The file (UTF-8) that the answers stand in.")
  private @Nullable Path contextFile;

  @Option(
      names = "--top-k",
      paramLabel = "N",
      description = "How many answers, best first (default 1).")
  private int topK;

  @Option(names = "--no-answer", description = "Let no answer be an answer.")
  private boolean noAnswer;

  Answer(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  CompletableFuture<List<TextReply>> send(CoffeyClient client, String model, List<String> texts) {
    if (topK < 0) {
      throw new WrongUsage("--top-k = %d: must be 0 (1 answer) or more".formatted(topK));
    }
    String whole = context();
    return client
        .answerAsync(
            AnswerRequest.newBuilder()
                .setModel(model)
                .addAllInputs(
                    texts.stream()
                        .map(text ->
                            Question.newBuilder().setQuestion(text).setContext(whole).build())
                        .toList())
                .setTopK(topK)
                .setAllowNoAnswer(noAnswer)
                .build())
        .thenApply(response ->
            response.getResultsList().stream().map(result -> reply(response, result)).toList());
  }

  private String context() {
    if ((context == null) == (contextFile == null)) {
      throw new WrongUsage("give the context, either by --context or by --context-file");
    }
    try {
      return context != null ? context : Files.readString(Objects.requireNonNull(contextFile));
    } catch (IOException e) {
      throw new CommandFailure("--context-file %s can't be read: %s".formatted(contextFile, e));
    }
  }

  private static TextReply reply(AnswerResponse response, AnswerResult result) {
    if (result.hasError()) {
      return TextReply.error(result.getError());
    }
    List<AnswerSpan> answers = result.getAnswers().getAnswersList();
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    ArrayNode list = json.putArray("answers");
    for (AnswerSpan answer : answers) {
      ObjectNode node = list.addObject().put("score", answer.getScore());
      if (answer.hasSpan()) {
        TextReply.span(node, answer.getSpan());
      } else {
        node.putNull("text");
      }
    }
    TextReply.usage(json, result.getUsage());
    TextReply.info(json, response.getInfo());
    return TextReply.result(
        answers.stream()
            .map(answer ->
                String.format(
                    Locale.ROOT,
                    "%s\t%.4f",
                    answer.hasSpan() ? TextReply.line(answer.getSpan().getText()) : "-",
                    answer.getScore()))
            .collect(Collectors.joining("\t")),
        json);
  }
}
