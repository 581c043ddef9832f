package dev.coffey.model.tokenize;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Loads the tokenizers library out of DJL's jar, once for the process.
///
/// DJL's own loader is not used: it keeps a copy in `~/.djl.ai`, which a container's home may not
/// allow, looks for CUDA, logs, and trusts whatever lies in that cache. Here the library goes into
/// a private temporary file that is gone again once it is loaded, so that processes share nothing
/// and leave nothing behind. 15 MB, about 25 ms.
final class NativeLibrary {
  private static boolean loaded;

  private NativeLibrary() {}

  /// @throws TokenizerException if there is none for this platform or it can't be written or loaded
  static synchronized void load() {
    if (!loaded) {
      load(
          resource(System.getProperty("os.name"), System.getProperty("os.arch")),
          Path.of(System.getProperty("java.io.tmpdir")));
      loaded = true;
    }
  }

  @SuppressWarnings("restricted") // System.load: the start scripts pass --enable-native-access
  static void load(String resource, Path folder) {
    Path file = extract(resource, folder);
    try {
      System.load(file.toString());
    } catch (UnsatisfiedLinkError e) {
      throw new TokenizerException(
          "the tokenizers library can't be loaded from "
              + folder
              + " ("
              + e.getMessage()
              + "); it needs glibc and a temporary folder not mounted noexec: -Djava.io.tmpdir=DIR names another",
          e);
    } finally {
      deleteIfPossible(file);
    }
  }

  /// The library in DJL's jar for an operating system and a processor as Java names them.
  static String resource(String os, String arch) {
    String system = os.toLowerCase(Locale.ROOT);
    String machine =
        switch (arch) {
          case "amd64", "x86_64" -> "x86_64";
          case "aarch64", "arm64" -> "aarch64";
          default -> arch;
        };
    String platform = (system.startsWith("mac") ? "osx" : system) + "-" + machine;
    return switch (platform) {
      case "linux-x86_64", "linux-aarch64" -> "/native/lib/" + platform + "/cpu/libtokenizers.so";
      case "osx-aarch64" -> "/native/lib/" + platform + "/cpu/libtokenizers.dylib";
      default ->
          throw new TokenizerException(
              "no tokenizers library for "
                  + platform
                  + "; there is one for linux-x86_64, linux-aarch64 and osx-aarch64",
              null);
    };
  }

  /// Copies `resource` into a new file that only this user can read or replace.
  static Path extract(String resource, Path folder) {
    Path file = null;
    try (InputStream library = TokenizersLibrary.class.getResourceAsStream(resource)) {
      if (library == null) {
        throw new TokenizerException("the class path lacks DJL's " + resource, null);
      }
      file = Files.createTempFile(folder.toAbsolutePath(), "coffey-tokenizers-", ".so");
      // Not Files.copy: it would delete the file and make another, with rights for all.
      try (OutputStream out = Files.newOutputStream(file)) {
        library.transferTo(out);
      }
      return file;
    } catch (IOException e) {
      deleteIfPossible(file);
      throw new TokenizerException(
          "the tokenizers library can't be written to "
              + folder
              + " ("
              + e
              + "); it needs a temporary folder with 16 MB free: -Djava.io.tmpdir=DIR names another",
          e);
    }
  }

  private static void deleteIfPossible(@Nullable Path file) {
    try {
      if (file != null) {
        Files.deleteIfExists(file);
      }
    } catch (IOException _) {
      // Only a file too many in the temporary folder.
    }
  }
}
