package dev.coffey.server;

import com.google.inject.Guice;
import com.google.inject.ProvisionException;
import com.google.inject.Stage;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.server.cli.CommandLineInterface;
import dev.coffey.server.cli.Surroundings;
import dev.coffey.server.config.ServerConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// The process: reads arguments and environment, runs one command, exits with its code.
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    String version =
        Optional.ofNullable(Main.class.getPackage().getImplementationVersion())
            .orElse("development");
    Surroundings surroundings =
        new Surroundings(
            System.in,
            System.out,
            System.err,
            System.getenv(),
            Runtime.getRuntime().availableProcessors(),
            Path.of("/"),
            System.getProperty("coffey.command", "coffey"),
            version,
            config -> open(config, KernelsProvider.all(), version));
    int code = CommandLineInterface.run(surroundings, arguments);
    System.out.flush();
    System.err.flush();
    // Not exit: a second signal has a handler of its own, and nothing registers a shutdown hook.
    Runtime.getRuntime().halt(code);
  }

  /// @throws RuntimeException with a message for the user, after what was opened is closed again
  static Engine open(ServerConfig config, List<KernelsProvider> providers, String version) {
    Resources resources = new Resources();
    try {
      return Guice.createInjector(
              Stage.DEVELOPMENT, new ServerModule(config, providers, version, resources))
          .getInstance(Engine.class);
    } catch (ProvisionException e) {
      resources.close();
      // The user is to read what went wrong, not which provider it went wrong in.
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    }
  }
}
