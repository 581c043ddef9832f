package dev.coffey.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// Brings JCuda's native library in.
///
/// JCuda first asks the JVM, which looks along `java.library.path`; failing that it takes a file of
/// a fixed name in the temporary folder, whoever put it there. So our copy is laid for it into a
/// folder that only this user may write, and JCuda is pointed to that.
final class JCudaLibrary {
  /// The driver binding alone: it needs libcuda and nothing else of CUDA.
  static final String FILE = "libJCudaDriver-12.6.0-linux-x86_64.so";

  private static final String TEMPORARY = "java.io.tmpdir";

  private JCudaLibrary() {}

  /// Loads the library and initializes JCuda with it, once for the process.
  ///
  /// @throws LinkageError if it can't be loaded; JCuda can't be used then
  /// @throws UncheckedIOException if there is no room for the copy
  static synchronized void load() {
    Path folder = null;
    String before = System.getProperty(TEMPORARY);
    try (InputStream library = JCudaLibrary.class.getResourceAsStream(FILE)) {
      if (library != null) {
        folder = Files.createTempDirectory("coffey-");
        Files.copy(library, folder.resolve(FILE));
        System.setProperty(TEMPORARY, folder.toString());
      }
      Class.forName("jcuda.driver.JCudaDriver");
    } catch (ClassNotFoundException e) {
      throw new NoClassDefFoundError(e.getMessage());
    } catch (IOException e) {
      throw new UncheckedIOException(
          "no room for JCuda's native library in " + before + " (" + TEMPORARY + ")", e);
    } finally {
      System.setProperty(TEMPORARY, before);
      delete(folder);
    }
  }

  /// What is loaded stays loaded.
  private static void delete(@Nullable Path folder) {
    if (folder == null) {
      return;
    }
    try {
      Files.deleteIfExists(folder.resolve(FILE));
      Files.deleteIfExists(folder);
    } catch (IOException _) {
      // A leftover of 1 MB in the user's own temporary folder.
    }
  }
}
