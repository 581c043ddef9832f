package dev.coffey.server.cli;

import dev.coffey.client.CoffeyException;
import dev.coffey.kernels.BackendRefusedException;
import dev.coffey.kernels.DeviceMemoryException;
import dev.coffey.model.checkpoint.CheckpointException;
import dev.coffey.model.eval.DataException;
import dev.coffey.model.tokenize.TokenizerException;
import dev.coffey.server.bench.LoadFailure;
import dev.coffey.server.config.ConfigException;
import dev.coffey.server.names.NearNames;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// All commands under one name, and how their failures become lines and exit codes: 0 done, 1
/// failed, 2 wrong usage.
public final class CommandLineInterface {
  static final int DONE = 0;
  static final int FAILED = 1;
  static final int WRONG_USAGE = 2;

  /// By name, in the order of the help.
  private static final Map<String, Function<Surroundings, Object>> COMMANDS = new LinkedHashMap<>();

  static {
    COMMANDS.put("serve", Serve::new);
    COMMANDS.put("classify", Classify::new);
    COMMANDS.put("embed", Embed::new);
    COMMANDS.put("tag", Tag::new);
    COMMANDS.put("answer", Answer::new);
    COMMANDS.put("fill-mask", FillMask::new);
    COMMANDS.put("zero-shot", ZeroShot::new);
    COMMANDS.put("rank", Rank::new);
    COMMANDS.put("summarize", Summarize::new);
    COMMANDS.put("tokenize", Tokenize::new);
    COMMANDS.put("detokenize", Detokenize::new);
    COMMANDS.put("eval", Eval::new);
    COMMANDS.put("models", Models::new);
    COMMANDS.put("doctor", Doctor::new);
    COMMANDS.put("bench", CommandLineInterface::bench);
    COMMANDS.put("config", Config::new);
    COMMANDS.put("version", Version::new);
  }

  private CommandLineInterface() {}

  @Command(
      name = "coffey",
      synopsisSubcommandLabel = "COMMAND",
      description = "Serves DistilBERT and its family over gRPC.")
  private static final class Root implements Runnable {
    @Spec private CommandSpec spec;

    @SuppressWarnings("NullAway.Init") // picocli sets spec
    Root() {}

    @Override
    public void run() {
      throw new ParameterException(spec.commandLine(), "a command is missing");
    }
  }

  /// Runs the command that `arguments` name.
  ///
  /// @return the exit code
  public static int run(Surroundings surroundings, String... arguments) {
    CommandLine line = new CommandLine(new Root());
    // Reading a command's annotations costs tens of milliseconds of a start: if the first argument
    // names one, it is the only one that matters.
    Function<Surroundings, Object> named =
        arguments.length == 0 ? null : COMMANDS.get(arguments[0]);
    if (named == null) {
      COMMANDS.values().forEach(command -> line.addSubcommand(command.apply(surroundings)));
    } else {
      line.addSubcommand(named.apply(surroundings));
    }
    addHelp(line);
    line.getCommandSpec()
        .addOption(
            CommandLine.Model.OptionSpec.builder("-V", "--version")
                .versionHelp(true)
                .description("Print the version and exit.")
                .type(boolean.class)
                .build());
    line.getCommandSpec().version(Version.text(surroundings));
    line.setOut(new PrintWriter(surroundings.out(), true, surroundings.out().charset()));
    line.setErr(new PrintWriter(surroundings.err(), true, surroundings.err().charset()));
    line.setUsageHelpWidth(110);
    line.setParameterExceptionHandler((e, _) -> usage(surroundings, e));
    line.setExecutionExceptionHandler((e, _, _) -> failed(surroundings, e));
    return line.execute(arguments);
  }

  private static CommandLine bench(Surroundings surroundings) {
    return new CommandLine(new Bench())
        .addSubcommand(new BenchKernels(surroundings))
        .addSubcommand(new BenchModel(surroundings))
        .addSubcommand(new BenchServer(surroundings))
        .addSubcommand(new BenchPeers(surroundings))
        .addSubcommand(new BenchAll(surroundings))
        .addSubcommand(new BenchGenerate(surroundings));
  }

  /// To a command and all below it.
  private static void addHelp(CommandLine command) {
    command.getCommandSpec().addMixin("help", CommandSpec.forAnnotatedObject(new Help()));
    command.getSubcommands().values().forEach(CommandLineInterface::addHelp);
  }

  private static int usage(Surroundings surroundings, ParameterException e) {
    String message =
        e instanceof CommandLine.UnmatchedArgumentException unmatched
            ? unmatched(unmatched)
            : String.valueOf(e.getMessage());
    surroundings
        .err()
        .printf(
            "coffey: %s (see %s --help)%n",
            message, e.getCommandLine().getCommandSpec().qualifiedName());
    return WRONG_USAGE;
  }

  private static String unmatched(CommandLine.UnmatchedArgumentException e) {
    String first = e.getUnmatched().getFirst();
    CommandSpec command = e.getCommandLine().getCommandSpec();
    boolean option = first.startsWith("-");
    List<String> near =
        NearNames.of(first, (option ? command.optionsMap() : command.subcommands()).keySet());
    return "%s '%s'%s"
        .formatted(
            option ? "unknown option" : "unexpected argument",
            first,
            near.isEmpty() ? "" : "; did you mean " + String.join(" or ", near) + "?");
  }

  private static int failed(Surroundings surroundings, Exception e) {
    LoggerFactory.getLogger(CommandLineInterface.class).debug("the command failed", e);
    List<String> lines =
        switch (e) {
          case ConfigException config -> config.problems();
          case CoffeyException call -> List.of(call.getMessage() + hint(call));
          case BackendRefusedException _,
              DeviceMemoryException _,
              CheckpointException _,
              TokenizerException _,
              DataException _,
              UncheckedIOException _,
              CommandFailure _,
              LoadFailure _,
              WrongUsage _,
              IllegalArgumentException _ ->
              List.of(String.valueOf(e.getMessage()));
          default ->
              List.of(
                  "internal error: %s (--log-level debug shows where)"
                      .formatted(e.getMessage() == null ? e.toString() : e.getMessage()));
        };
    lines.forEach(line -> surroundings.err().println("coffey: " + line));
    return e instanceof ConfigException || e instanceof WrongUsage ? WRONG_USAGE : FAILED;
  }

  private static String hint(CoffeyException call) {
    return call.getMessage() != null && call.getMessage().startsWith("can't reach")
        ? "; is 'coffey serve' running there? (--target names another address, --local needs no server)"
        : "";
  }
}
