package dev.coffey.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.kernels.cuda.FakeCuda;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Usage, messages and exit codes. Each failure is one line on stderr and nothing on stdout.
class CommandLineInterfaceTest {
  private final Terminal terminal = new Terminal();

  private void assertFails(int code, String line, String... arguments) {
    assertThat(terminal.run(arguments)).isEqualTo(code);
    assertThat(terminal.err()).containsExactly(line);
    assertThat(terminal.out()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"serve", "classify", "embed", "tokenize", "models", "doctor", "config", "version"})
  void help_ofEachCommand_isPrintedWithCode0(String command) {
    assertThat(terminal.run(command, "--help")).isZero();
    assertThat(terminal.out().getFirst()).startsWith("Usage: coffey " + command);
    assertThat(terminal.err()).isEmpty();
  }

  @Test
  void help_ofTheProgram_listsTheCommands() {
    assertThat(terminal.run("--help")).isZero();
    assertThat(String.join("\n", terminal.out())).contains("serve", "classify", "doctor");
  }

  // Breaks if a card without room is called an error of the program, or its user isn't told what to
  // lower.
  @Test
  void serve_cardWithoutRoom_isALineThatSaysWhatIsNeededAndCode1() {
    FakeCuda.Cards cards = new FakeCuda.Cards(1);
    cards.leave(0, 1000);
    assertThat(terminal.backends(List.of(cards)).run("serve", "--backend", "cuda", "--port", "0"))
        .isEqualTo(1);
    assertThat(terminal.err().getLast())
        .matches(
            "coffey: device 0 \\(Fake 0\\) has too little memory: .* are needed \\(weights .*\\), 0.0 MiB of 8.0 GiB are free; lower batch.max-tokens, .*");
  }

  @ParameterizedTest
  @ValueSource(strings = {"version", "--version", "-V"})
  void version_anyWay_isPrinted(String argument) {
    assertThat(terminal.run(argument)).isZero();
    assertThat(terminal.out()).singleElement().asString().startsWith("coffey 1.2.3 (Java 25");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "|a command is missing (see coffey --help)",
        "serv|unexpected argument 'serv'; did you mean serve? (see coffey --help)",
        "serve --prot 1|unknown option '--prot'; did you mean --port? (see coffey serve --help)",
        "serve --port|Missing required parameter for option '--port' (N) (see coffey serve --help)",
        "classify --local --target a:1 x|--local needs no server: leave out --target, --tls and --tls-ca",
        "classify --threads 2 x|--models, --backend and --threads are for --local; a server has its own",
        "classify --deadline 0 x|--deadline = 0.0: must be more than 0 and at most 86400 seconds",
        "serve --set port|--set port: expected key=value",
        "serve --port 65536|server.port = 65536 (--port): must be a count from 0 to 65535",
        "serve --set batch.maxdelay=2ms|batch.maxdelay (--set): no such key; did you mean batch.max-delay?",
        "serve --tls-cert a.pem|server.tls-cert is set and server.tls-key is not: TLS needs both",
        "serve --log-level loud|log.level = loud (--log-level): must be one of debug, info, warn, error",
        "classify --log-level loud x|Invalid value for option '--log-level': expected one of [DEBUG, INFO, WARN, ERROR] (case-sensitive) but was 'loud' (see coffey classify --help)"
      })
  void usage_wrong_isALineAndCode2(String arguments, String line) {
    assertFails(2, "coffey: " + line, arguments == null ? new String[0] : arguments.split(" "));
  }

  @Test
  void settings_severalWrong_areAllNamed() {
    int code =
        terminal
            .environment(Map.of("COFFEY_QUEUE_MAX_TOKENS", "0"))
            .run("serve", "--threads", "none", "--set", "server.port=x");
    assertThat(code).isEqualTo(2);
    assertThat(terminal.err()).hasSize(3).allMatch(line -> line.startsWith("coffey: "));
  }

  @Test
  void serve_backendUnknown_saysWhichThereAre() {
    assertThat(terminal.run("serve", "--port", "0", "--backend", "tpu", "--log-level", "error"))
        .isEqualTo(1);
    assertThat(terminal.err())
        .containsExactly(
            "coffey: backend 'tpu' is not in this build; it has: auto, cuda, vector, scalar");
  }

  @Test
  void serve_folderWithoutAModel_saysWhatWasLookedFor(@TempDir Path folder) throws IOException {
    Files.writeString(folder.resolve("readme.txt"), "none");
    assertThat(
            terminal.run(
                "serve", "--port", "0", "--models", folder.toString(), "--log-level", "error"))
        .isEqualTo(1);
    assertThat(terminal.err())
        .singleElement()
        .asString()
        .startsWith("coffey: " + folder)
        .contains("holds no model");
  }

  @Test
  void serve_filesMissing_areNamed(@TempDir Path folder) {
    String missing = folder.resolve("missing").toString();
    assertThat(terminal.run("serve", "--config", missing)).isEqualTo(2);
    assertThat(terminal.run("serve", "--models", missing, "--log-level", "error")).isEqualTo(1);
    assertThat(terminal.run("classify", "--tls-ca", missing, "x")).isEqualTo(1);
    assertThat(terminal.err()).hasSize(3).allMatch(line -> line.contains(missing));
  }

  @ParameterizedTest
  @ValueSource(strings = {"classify x", "embed x", "tokenize x", "models"})
  void client_serverNotThere_saysSo(String command) throws IOException {
    String target;
    try (var socket = new ServerSocket(0)) {
      target = "127.0.0.1:" + socket.getLocalPort();
    }
    assertThat(terminal.run((command + " --target " + target).split(" "))).isEqualTo(1);
    assertThat(terminal.err())
        .singleElement()
        .asString()
        .startsWith("coffey: can't reach a server at " + target + ": ")
        .contains("is 'coffey serve' running there?");
    assertThat(terminal.out()).isEmpty();
  }

  @Test
  void config_printed_isAFileThatServeReads() {
    assertThat(terminal.run("config")).isZero();
    assertThat(terminal.out()).contains("#batch.max-delay = 0ms");
  }

  @Test
  void documentation_ofTheCommands_namesEveryOption() throws IOException {
    String text = Files.readString(Path.of("../docs/cli.md"));
    for (String command : List.of("serve", "classify", "embed", "tokenize", "models", "doctor")) {
      Terminal help = new Terminal();
      help.run(command, "--help");
      for (String line : help.out()) {
        var option = java.util.regex.Pattern.compile("--[a-z-]+").matcher(line.strip());
        if (line.strip().startsWith("-") && option.find()) {
          assertThat(text).as("coffey " + command).contains(option.group());
        }
      }
    }
  }
}
