package dev.coffey.server.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.client.CoffeyClient;
import dev.coffey.server.batch.BatchConfig;
import dev.coffey.server.grpc.GrpcConfig;
import dev.coffey.server.grpc.TestModels;
import dev.coffey.server.grpc.TestServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Breaks when the documented example is edited on one side only, or no longer runs. The models are
/// tiny and untrained: what they answer is a piece of a document, not a good one.
class ChatbotTest {
  private static final Path PAGE = Path.of("../docs/chatbot.md");
  private static final Path SOURCE = Path.of("src/test/java/dev/coffey/server/docs/Chatbot.java");

  private static List<String> between(List<String> lines, String from, String to) {
    int start = lines.indexOf(from) + 1;
    return lines.subList(start, start + lines.subList(start, lines.size()).indexOf(to));
  }

  @Test
  void example_documentedAndCompiled_areTheSame() throws IOException {
    assertThat(between(Files.readAllLines(PAGE), "```java", "```"))
        .isNotEmpty()
        .isEqualTo(between(Files.readAllLines(SOURCE), "// example", "// end"));
  }

  @Test
  void reply_anyMessage_isAGreetingThanksOrAPieceOfADocument(@TempDir Path folder)
      throws Exception {
    String bees = "Bees dance in the dark.\n\nA dance shows the way to the flowers.";
    String ships = "The harbour master keeps a log of every ship.";
    Files.writeString(folder.resolve("bees.txt"), bees);
    Files.writeString(folder.resolve("ships.txt"), ships);
    Files.writeString(folder.resolve("notes.md"), "not read");
    try (TestServer server =
            new TestServer(
                Stream.of("nli", "cross-encoder", "qa").map(TestModels::pipeline).toList(),
                GrpcConfig.DEFAULT,
                BatchConfig.DEFAULT,
                model -> model);
        CoffeyClient client = CoffeyClient.over(server.channel())) {
      Chatbot chatbot = new Chatbot(client, "nli", "cross-encoder", "qa", folder);
      for (String message :
          List.of("Hello there!", "Who keeps a log?", "Thanks a lot", "What do bees do?")) {
        assertThat(chatbot.reply(message))
            .satisfiesAnyOf(
                reply -> assertThat(bees + ships).contains(reply),
                reply -> assertThat(reply).startsWith("Hello!"),
                reply -> assertThat(reply).isEqualTo("You are welcome."),
                reply -> assertThat(reply).isEqualTo("I have found nothing about that."));
      }
    }
  }
}
