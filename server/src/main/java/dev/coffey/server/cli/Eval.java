package dev.coffey.server.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.coffey.client.CoffeyClient;
import dev.coffey.client.CoffeyException;
import dev.coffey.model.eval.AnsweredQuestion;
import dev.coffey.model.eval.LabelledText;
import dev.coffey.model.eval.TaggedSentence;
import dev.coffey.proto.v1.GetModelResponse;
import dev.coffey.server.cli.Evaluation.Answered;
import dev.coffey.server.cli.Evaluation.Noted;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `coffey eval`: asks what a file of data has the answers to, over the same calls as everyone
/// else, and says how good the answers are.
@Command(
    name = "eval",
    description =
        "Measures a model on a file of data, in this process unless --target names a server. Exits with 1 if an item failed.")
final class Eval implements Callable<Integer> {
  /// Items in a request: a few batches' worth, so that long ones stay below the server's limits.
  private static final int ITEMS_PER_REQUEST = 16;

  private static final int REQUESTS_IN_FLIGHT = 4;

  /// What is asked of the model.
  enum Task {
    classify,
    tag,
    answer,
    similarity
  }

  private final Surroundings surroundings;

  @Mixin private final ClientOptions options = new ClientOptions();
  @Mixin private final TruncateOption truncate = new TruncateOption();

  @Parameters(
      paramLabel = "TASK",
      description =
          "${COMPLETION-CANDIDATES}: TSV files for classify and similarity, CoNLL for tag, SQuAD's JSON for answer.")
  private Task task = Task.classify;

  @Option(
      names = "--data",
      paramLabel = "FILE",
      required = true,
      description = "The data; gzip if it ends in .gz.")
  private Path data = Path.of("");

  @Option(
      names = "--text",
      paramLabel = "COLUMN",
      description = "The column of the text: its name in the first line, or a number (default 1).")
  private String text = "1";

  @Option(names = "--pair", paramLabel = "COLUMN", description = "The column of the second text.")
  private @Nullable String pair;

  @Option(
      names = "--label",
      paramLabel = "COLUMN",
      description = "The column of the right label or number (default 2).")
  private String label = "2";

  @Option(
      names = "--map",
      paramLabel = "NAME=LABEL",
      description =
          "What a label of the file is for the model, if it has neither its name nor its number; as often as needed.")
  private Map<String, String> names = new HashMap<>();

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "Only the first N items (default: all).")
  private int limit;

  Eval(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() {
    if (limit < 0) {
      throw new WrongUsage("--limit = %d: must be 0 (all) or more".formatted(limit));
    }
    try (ClientOptions.Session session = options.openLocalByDefault(surroundings)) {
      CoffeyClient client = session.client();
      GetModelResponse model = client.getModel(options.model());
      Evaluation evaluation = evaluation(model);
      int items = limit == 0 ? evaluation.size() : Math.min(limit, evaluation.size());
      long start = System.nanoTime();
      Noted noted = run(evaluation, client, model.getSummary().getName(), items);
      print(evaluation, model, items, noted, (System.nanoTime() - start) / 1e9);
      return noted.failed() > 0 ? CommandLineInterface.FAILED : CommandLineInterface.DONE;
    }
  }

  private Evaluation evaluation(GetModelResponse model) {
    return switch (task) {
      case classify ->
          new ClassifyEvaluation(
              LabelledText.read(
                  data, new LabelledText.Columns(text, Optional.ofNullable(pair), label)),
              model.getLabelsList(),
              names,
              truncate.options());
      case tag -> new TagEvaluation(TaggedSentence.read(data), truncate.options());
      case answer -> new AnswerEvaluation(AnsweredQuestion.read(data));
      case similarity -> {
        if (pair == null) {
          throw new WrongUsage("similarity is of two texts: give the second's column by --pair");
        }
        yield new SimilarityEvaluation(
            LabelledText.read(data, new LabelledText.Columns(text, Optional.of(pair), label)),
            truncate.options());
      }
    };
  }

  private Noted run(Evaluation evaluation, CoffeyClient client, String model, int items) {
    Deque<CompletableFuture<? extends Answered>> inFlight = new ArrayDeque<>();
    Noted noted = new Noted(0, 0);
    int done = 0;
    for (int from = 0; from < items || !inFlight.isEmpty(); ) {
      if (from < items && inFlight.size() < REQUESTS_IN_FLIGHT) {
        int to = Math.min(from + ITEMS_PER_REQUEST, items);
        inFlight.add(evaluation.ask(client, model, from, to));
        from = to;
      } else {
        noted = noted.plus(first(inFlight).note());
        done = Math.min(done + ITEMS_PER_REQUEST, items);
        progress(done, items);
      }
    }
    if (items > 0) {
      surroundings.err().println();
    }
    return noted;
  }

  private static Answered first(Deque<CompletableFuture<? extends Answered>> inFlight) {
    try {
      return inFlight.removeFirst().join();
    } catch (CompletionException e) {
      inFlight.forEach(later -> later.cancel(false));
      throw e.getCause() instanceof CoffeyException call ? call : e;
    }
  }

  private void progress(int done, int items) {
    int tenths = (int) (20L * done / items);
    surroundings
        .err()
        .print(
            "\r[%s%s] %d of %d"
                .formatted("#".repeat(tenths), " ".repeat(20 - tenths), done, items));
    surroundings.err().flush();
  }

  private void print(
      Evaluation evaluation, GetModelResponse model, int items, Noted noted, double seconds) {
    Map<String, Double> metrics = evaluation.metrics();
    if (options.json()) {
      ObjectNode json = JsonNodeFactory.instance.objectNode();
      json.put("task", task.name())
          .put("data", data.toString())
          .put("items", items)
          .put("failed", noted.failed())
          .put("cut", noted.cut());
      metrics.forEach(json::put);
      json.put("seconds", seconds)
          .put("model", model.getSummary().getName())
          .put("version", model.getSummary().getVersion())
          .put("backend", model.getBackend());
      surroundings.out().println(json);
    } else {
      metrics.forEach((name, value) ->
          surroundings.out().println(String.format(Locale.ROOT, "%s\t%.6f", name, value)));
      surroundings
          .out()
          .println(
              String.format(
                  Locale.ROOT,
                  "items\t%d (%d failed, %d cut) in %.1f s",
                  items,
                  noted.failed(),
                  noted.cut(),
                  seconds));
    }
    surroundings.out().flush();
  }
}
