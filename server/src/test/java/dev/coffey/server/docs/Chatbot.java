package dev.coffey.server.docs;

import dev.coffey.client.CoffeyClient;
import dev.coffey.proto.v1.AnswerRequest;
import dev.coffey.proto.v1.AnswerResult;
import dev.coffey.proto.v1.AnswerSpan;
import dev.coffey.proto.v1.Question;
import dev.coffey.proto.v1.RankResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// The example of `docs/chatbot.md`, compiled; `ChatbotTest` holds the two together and runs it.
// example
final class Chatbot {
  private static final String ASKS = "a question";
  private static final String GREETS = "a greeting";
  private static final String THANKS = "thanks";

  private final CoffeyClient intents;
  private final CoffeyClient ranker;
  private final CoffeyClient client;
  private final String reader;
  private final List<String> passages;

  /// The three models may be on one server; each call names its own.
  Chatbot(CoffeyClient client, String intents, String ranker, String reader, Path folder)
      throws IOException {
    this.intents = client.withModel(intents);
    this.ranker = client.withModel(ranker);
    this.client = client;
    this.reader = reader;
    this.passages = passages(folder);
  }

  String reply(String message) {
    String intent = intents.zeroShot(message, List.of(ASKS, GREETS, THANKS)).getFirst().getLabel();
    return switch (intent) {
      case GREETS -> "Hello! Ask me about our documents.";
      case THANKS -> "You are welcome.";
      default ->
          answer(message)
              .map(span -> span.getSpan().getText())
              .orElse("I have found nothing about that.");
    };
  }

  /// The best answer in the three passages that are nearest to the question.
  private Optional<AnswerSpan> answer(String question) {
    AnswerRequest.Builder request =
        AnswerRequest.newBuilder().setModel(reader).setAllowNoAnswer(true);
    ranker.rank(question, passages).stream()
        .filter(RankResult::hasScore)
        .limit(3)
        .map(result -> passages.get(result.getIndex()))
        .forEach(passage ->
            request.addInputs(Question.newBuilder().setQuestion(question).setContext(passage)));
    return client.answer(request.build()).getResultsList().stream()
        .filter(AnswerResult::hasAnswers)
        .flatMap(result -> result.getAnswers().getAnswersList().stream())
        .filter(AnswerSpan::hasSpan)
        .max(Comparator.comparingDouble(AnswerSpan::getScore));
  }

  /// The paragraphs of all text files of a folder.
  private static List<String> passages(Path folder) throws IOException {
    List<String> passages = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(path -> path.toString().endsWith(".txt")).sorted().toList()) {
        for (String paragraph : Files.readString(file).split("\\R\\s*\\R")) {
          if (!paragraph.isBlank()) {
            passages.add(paragraph.strip());
          }
        }
      }
    }
    return passages;
  }
}
// end
