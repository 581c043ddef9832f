package dev.coffey.server.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.coffey.client.CoffeyClient;
import dev.coffey.client.CoffeyException;
import dev.coffey.proto.v1.Input;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/// A command that sends texts, from its arguments or else the lines of stdin, and prints a line for
/// each in their order.
abstract class TextCommand implements Callable<Integer> {
  /// Texts in a request. Enough for a full batch of short texts; a bigger request only delays the
  /// first line of output.
  private static final int TEXTS_PER_REQUEST = 64;

  /// Characters in a request, so that long texts neither reach the server's limits nor wait for
  /// each other.
  private static final int CHARACTERS_PER_REQUEST = 64 * 1024;

  /// Requests on their way at once: one computed, one queued behind it, two being read or written.
  private static final int REQUESTS_IN_FLIGHT = 4;

  private final Surroundings surroundings;

  @Mixin private final ClientOptions options = new ClientOptions();

  @Parameters(
      paramLabel = "TEXT",
      arity = "0..*",
      description = "The texts; without any, each line of stdin is one.")
  private List<String> texts = new ArrayList<>();

  TextCommand(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  /// Texts in a request.
  int textsPerRequest() {
    return TEXTS_PER_REQUEST;
  }

  /// Sends `texts`; the reply has one entry for each.
  abstract CompletableFuture<List<TextReply>> send(
      CoffeyClient client, String model, List<String> texts);

  private record Sent(int first, List<String> texts, CompletableFuture<List<TextReply>> replies) {}

  /// The state of one run.
  private final class Run {
    private final CoffeyClient client;
    private final Deque<Sent> inFlight = new ArrayDeque<>();
    private int sent;
    private boolean anyFailed;

    Run(CoffeyClient client) {
      this.client = client;
    }

    void send(List<String> chunk) {
      if (inFlight.size() >= REQUESTS_IN_FLIGHT) {
        printFirst();
      }
      inFlight.add(
          new Sent(
              sent, List.copyOf(chunk), TextCommand.this.send(client, options.model(), chunk)));
      sent += chunk.size();
    }

    void printAll() {
      while (!inFlight.isEmpty()) {
        printFirst();
      }
    }

    private void printFirst() {
      Sent first = inFlight.removeFirst();
      List<TextReply> replies;
      try {
        replies = first.replies().join();
      } catch (CompletionException e) {
        inFlight.forEach(later -> later.replies().cancel(false));
        throw e.getCause() instanceof CoffeyException call ? call : e;
      }
      if (replies.size() != first.texts().size()) {
        throw new CommandFailure(
            "the server answered %d texts with %d results"
                .formatted(first.texts().size(), replies.size()));
      }
      for (int i = 0; i < replies.size(); i++) {
        print(first.first() + i, first.texts().get(i), replies.get(i));
      }
      surroundings.out().flush();
    }

    private void print(int index, String text, TextReply reply) {
      anyFailed |= reply.error().isPresent();
      if (options.json()) {
        ObjectNode line = JsonNodeFactory.instance.objectNode();
        line.put("index", index).put("text", text).setAll(reply.json());
        surroundings.out().println(line);
      } else if (reply.error().isPresent()) {
        surroundings
            .err()
            .printf("coffey: text %d: %s%n", index + 1, reply.error().get().getMessage());
      } else {
        surroundings.out().println(reply.plain() + "\t" + TextReply.line(text));
      }
    }
  }

  @Override
  public Integer call() {
    try (ClientOptions.Session session = options.open(surroundings)) {
      Run run = new Run(session.client());
      try (BufferedReader lines = texts.isEmpty() ? stdin() : null) {
        if (lines == null) {
          sendAll(run, texts);
        } else {
          sendLines(run, lines);
        }
      } catch (CharacterCodingException _) {
        run.printAll();
        throw new CommandFailure(
            "stdin is not UTF-8 text (somewhere after line %d)".formatted(run.sent));
      } catch (IOException e) {
        throw new UncheckedIOException("stdin can't be read: " + e.getMessage(), e);
      }
      run.printAll();
      return run.anyFailed ? CommandLineInterface.FAILED : CommandLineInterface.DONE;
    }
  }

  private BufferedReader stdin() {
    return new BufferedReader(
        new InputStreamReader(surroundings.in(), StandardCharsets.UTF_8.newDecoder()));
  }

  private void sendAll(Run run, List<String> texts) {
    Chunk chunk = new Chunk(textsPerRequest());
    for (String text : texts) {
      if (chunk.add(text)) {
        run.send(chunk.take());
      }
    }
    if (!chunk.isEmpty()) {
      run.send(chunk.take());
    }
  }

  private void sendLines(Run run, BufferedReader lines) throws IOException {
    Chunk chunk = new Chunk(textsPerRequest());
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      if (chunk.add(line)) {
        run.send(chunk.take());
      }
      if (!lines.ready()) {
        // Whoever types, or a pipe that has paused, gets the answers to what is there before we
        // block on the next line.
        if (!chunk.isEmpty()) {
          run.send(chunk.take());
        }
        run.printAll();
      }
    }
    if (!chunk.isEmpty()) {
      run.send(chunk.take());
    }
  }

  /// Texts gathered for the next request.
  private static final class Chunk {
    private List<String> texts = new ArrayList<>();
    private final int most;
    private int characters;

    Chunk(int most) {
      this.most = most;
    }

    /// Whether the chunk is full.
    boolean add(String text) {
      texts.add(text);
      characters += text.length();
      return texts.size() >= most || characters >= CHARACTERS_PER_REQUEST;
    }

    boolean isEmpty() {
      return texts.isEmpty();
    }

    List<String> take() {
      List<String> taken = texts;
      texts = new ArrayList<>();
      characters = 0;
      return taken;
    }
  }

  static List<Input> inputs(List<String> texts) {
    return texts.stream().map(text -> Input.newBuilder().setText(text).build()).toList();
  }
}
