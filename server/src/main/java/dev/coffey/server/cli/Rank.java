package dev.coffey.server.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.coffey.proto.v1.RankRequest;
import dev.coffey.proto.v1.RankResponse;
import dev.coffey.proto.v1.RankResult;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `coffey rank`. All documents are one request, since each is ranked among the others.
@Command(
    name = "rank",
    description =
        "Prints documents by their relevance to a query, best first. Exits with 1 if one failed.")
final class Rank implements Callable<Integer> {
  private final Surroundings surroundings;

  @Mixin private final ClientOptions options = new ClientOptions();
  @Mixin private final TruncateOption truncate = new TruncateOption();

  @Option(names = "--query", paramLabel = "TEXT", required = true, description = "What is sought.")
  private String query = "";

  @Option(
      names = "--top-k",
      paramLabel = "N",
      description = "How many documents, best first (default: all).")
  private int topK;

  @Parameters(
      paramLabel = "TEXT",
      arity = "0..*",
      description = "The documents; without any, each line of stdin is one.")
  private List<String> documents = new ArrayList<>();

  Rank(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() {
    if (topK < 0) {
      throw new WrongUsage("--top-k = %d: must be 0 (all) or more".formatted(topK));
    }
    List<String> all = documents.isEmpty() ? lines() : documents;
    try (ClientOptions.Session session = options.open(surroundings)) {
      RankResponse response =
          session
              .client()
              .rank(
                  RankRequest.newBuilder()
                      .setModel(options.model())
                      .setQuery(query)
                      .addAllDocuments(all)
                      .setOptions(truncate.options())
                      .setTopK(topK)
                      .build());
      boolean anyFailed = false;
      for (RankResult result : response.getResultsList()) {
        anyFailed |= result.hasError();
        print(response, result, all.get(result.getIndex()));
      }
      surroundings.out().flush();
      return anyFailed ? CommandLineInterface.FAILED : CommandLineInterface.DONE;
    }
  }

  private void print(RankResponse response, RankResult result, String document) {
    if (options.json()) {
      ObjectNode line = JsonNodeFactory.instance.objectNode();
      line.put("index", result.getIndex()).put("text", document);
      if (result.hasError()) {
        line.setAll(TextReply.error(result.getError()).json());
      } else {
        line.put("score", result.getScore());
        TextReply.usage(line, result.getUsage());
        TextReply.info(line, response.getInfo());
      }
      surroundings.out().println(line);
    } else if (result.hasError()) {
      surroundings
          .err()
          .printf(
              "coffey: document %d: %s%n", result.getIndex() + 1, result.getError().getMessage());
    } else {
      surroundings
          .out()
          .println(
              String.format(Locale.ROOT, "%.4f\t%s", result.getScore(), TextReply.line(document)));
    }
  }

  private List<String> lines() {
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(surroundings.in(), StandardCharsets.UTF_8.newDecoder()))) {
      return reader.readAllLines();
    } catch (CharacterCodingException _) {
      throw new CommandFailure("stdin is not UTF-8 text");
    } catch (IOException e) {
      throw new CommandFailure("stdin can't be read: " + e.getMessage());
    }
  }
}
