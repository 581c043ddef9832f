package dev.coffey.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The real binding, JCuda's native library in it, against a libcuda made for the purpose. Needs a
/// C compiler; without one it is skipped, and prints so.
class JCudaBindingTest {
  @TempDir private Path folder;

  // Breaks if JCuda is not found or loaded, a symbol is missing, an argument arrives elsewhere, or
  // something is not given back.
  @Test
  void session_withAStubOfTheDriver_handsOnWhatItWasGiven() throws Exception {
    assumeThat(System.getProperty("os.arch")).isEqualTo("amd64");
    boolean compiled = compile("stub_libcuda.c", folder.resolve(DriverProbe.LIBRARY));
    if (!compiled) {
      System.out.println("JCudaBindingTest: skipped, there is no C compiler");
    }
    assumeThat(compiled).isTrue();
    Path temporary = Files.createDirectory(folder.resolve("tmp"));
    // What somebody else left there under the name that JCuda looks for must not be loaded.
    Files.writeString(temporary.resolve(JCudaLibrary.FILE), "not a library");
    assertThat(run(temporary, BindingRun.class.getName()))
        .containsExactly(
            "Usable[detail=device 0, Stub card, has compute capability 8.6, driver for CUDA 12.4]",
            "device 0 flags 4",
            "load machine code",
            "load ptx",
            "linear_f32_128x128 attribute 9 = 100",
            "cuda, device 0: Stub card, compute capability 8.6, 28 multiprocessors, 1.0 GiB, fp32",
            "launch softmax_f32 grid 1 1 1 block 128 1 1 shared 0 same 1 strides 4 4 columns 3 rows 2 count 0",
            "begin capture, mode 1",
            "launch softmax_f32 grid 1 1 1 block 128 1 1 shared 0 same 1 strides 4 4 columns 3 rows 2 count 0",
            "upload graph",
            "launch graph",
            "read [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]",
            "device 0 (Stub card) has too little memory: 2.0 GiB more were needed, 1.0 MiB of 1.0 GiB are free; lower batch.max-tokens, serve fewer models, store them in 16 bits (--precision), or free the device of other processes",
            "cuMemAlloc failed with error 2: CUDA_ERROR_OUT_OF_MEMORY, said by the stub",
            "release, 0 live");
    try (Stream<Path> left = Files.list(temporary)) {
      assertThat(left.filter(file -> file.getFileName().toString().startsWith("coffey-")))
          .isEmpty();
    }
  }

  // Breaks if a driver that lacks a function is used all the same: the process would die of it.
  @Test
  void probe_aDriverWithoutAFunction_isRefusedByItsName() throws Exception {
    Path stub = Files.createDirectory(folder.resolve("small")).resolve(DriverProbe.LIBRARY);
    Path source = folder.resolve("small.c");
    Files.writeString(source, "int cuInit(unsigned flags) { return flags; }\n");
    assumeThat(compile(source, stub)).isTrue();
    assertThat(DriverProbe.probe("Linux", "amd64", stub.toString()))
        .isEqualTo(
            new DriverProbe.Missing(
                "the NVIDIA driver has no function cuCtxSetCurrent: it is older than CUDA 11.4, or newer than what JCuda 12.6.0 knows"));
  }

  @Test
  void probe_noLibrary_saysWhatIsMissing() {
    assertThat(DriverProbe.probe("Linux", "amd64", "libcuda-that-is-not-there.so.1"))
        .isEqualTo(
            new DriverProbe.Missing(
                "no NVIDIA driver: libcuda-that-is-not-there.so.1 can't be opened; install the driver, or give the container its GPUs"));
  }

  @Test
  void probe_anotherSystem_isRefused() {
    assertThat(DriverProbe.probe("Mac OS X", "aarch64", DriverProbe.LIBRARY))
        .isEqualTo(
            new DriverProbe.Missing("it runs on Linux on x86-64, and this is Mac OS X on aarch64"));
  }

  // Breaks if a name differs from what JCuda's library imports: it would be missed in vain, or not
  // missed at all.
  @Test
  void symbols_all_areImportsOfJCudasLibrary() throws IOException {
    try (InputStream library = JCudaLibrary.class.getResourceAsStream(JCudaLibrary.FILE)) {
      String text =
          new String(Objects.requireNonNull(library).readAllBytes(), StandardCharsets.ISO_8859_1);
      assertThat(DriverProbe.SYMBOLS)
          .allSatisfy(name -> assertThat(text).contains("\0" + name + "\0"));
    }
  }

  private boolean compile(String resource, Path library) throws Exception {
    Path source = folder.resolve(resource);
    try (InputStream content = JCudaBindingTest.class.getResourceAsStream(resource)) {
      Files.copy(Objects.requireNonNull(content), source);
    }
    return compile(source, library);
  }

  private static boolean compile(Path source, Path library) throws Exception {
    try {
      return new ProcessBuilder(
                  "cc", "-shared", "-fPIC", "-w", "-o", library.toString(), source.toString())
              .inheritIO()
              .start()
              .waitFor()
          == 0;
    } catch (IOException _) {
      return false;
    }
  }

  private List<String> run(Path temporary, String main) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            // So few that waiting must not spin.
            "-XX:ActiveProcessorCount=2",
            "-Djava.io.tmpdir=" + temporary,
            "-cp",
            System.getProperty("java.class.path"),
            main);
    builder.environment().put("LD_LIBRARY_PATH", folder.toString());
    Process process = builder.redirectErrorStream(true).start();
    List<String> lines = process.inputReader(StandardCharsets.UTF_8).lines().toList();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return lines;
  }
}
