package dev.coffey.kernels.cuda.ptx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// A PTX text. Kernels are translated when they are first asked for.
public final class PtxModule {
  /// A kernel as it stands in the text.
  ///
  /// @param parameters from the first token behind its name
  record Source(String name, List<Token> parameters) {}

  private final Map<String, Source> sources = new LinkedHashMap<>();
  private final Map<String, Kernel> kernels = new HashMap<>();
  private final Map<String, String> files = new HashMap<>();
  private final Map<String, Long> constantAddresses = new HashMap<>();

  /// Shared variables outside of kernels: each kernel that names one has it for itself.
  private final Map<String, Variable> shared = new LinkedHashMap<>();

  private byte[] constants = {};
  private String target = "";
  private String version = "";

  /// A variable's declaration; `count` is 0 for `name[]`.
  record Variable(String name, int align, int size, int count) {
    int bytes() {
      return size * count;
    }
  }

  private PtxModule() {}

  /// Reads the PTX `text` (a zero byte at its end is ignored).
  public static PtxModule load(String text) {
    PtxModule module = new PtxModule();
    module.read(new Tokens(Token.of(text)));
    return module;
  }

  /// `sm_80`
  public String target() {
    return target;
  }

  /// `7.0`
  public String version() {
    return version;
  }

  /// The entries, in the order of the text.
  public Set<String> names() {
    return sources.keySet();
  }

  public boolean has(String name) {
    return sources.containsKey(name);
  }

  public synchronized Kernel kernel(String name) {
    Source source = sources.get(name);
    if (source == null) {
      throw new Fault(Fault.Kind.LAUNCH, "no kernel " + name);
    }
    return kernels.computeIfAbsent(name, _ -> new KernelReader(this, source).read());
  }

  Map<String, Variable> shared() {
    return shared;
  }

  Map<String, Long> constantAddresses() {
    return constantAddresses;
  }

  byte[] constants() {
    return constants;
  }

  Map<String, String> files() {
    return files;
  }

  private void read(Tokens tokens) {
    while (tokens.hasNext()) {
      Token token = tokens.next();
      switch (token.text()) {
        case ".version" -> version = tokens.next().text();
        case ".target" -> {
          target = tokens.next().text();
          while (tokens.skipIf(",")) {
            tokens.next();
          }
        }
        case ".address_size" -> tokens.expect("64");
        case ".file" -> readFile(tokens);
        case ".visible", ".weak", ".extern" -> {}
        case ".entry" -> readEntry(tokens);
        case ".section" -> {
          while (!tokens.peek().is("{")) {
            tokens.next();
          }
          tokens.block();
        }
        case ".shared" -> {
          Variable variable = tokens.variable();
          shared.put(variable.name(), variable);
          tokens.expect(";");
        }
        case ".const" -> readConstant(tokens);
        default -> throw tokens.fault("outside of a kernel: " + token.text());
      }
    }
  }

  private void readFile(Tokens tokens) {
    String number = tokens.next().text();
    String path = tokens.next().text().replace("\"", "");
    files.put(number, path.substring(path.lastIndexOf('/') + 1));
    while (tokens.skipIf(",")) {
      tokens.next();
    }
  }

  private void readEntry(Tokens tokens) {
    String name = tokens.next().text();
    List<Token> source = new ArrayList<>();
    while (!tokens.peek().is("{")) {
      source.add(tokens.next());
    }
    source.addAll(tokens.block());
    sources.put(name, new Source(name, source));
  }

  private void readConstant(Tokens tokens) {
    Variable variable = tokens.variable();
    int at = Math.ceilDiv(constants.length, variable.align()) * variable.align();
    constants = Arrays.copyOf(constants, at + variable.bytes());
    constantAddresses.put(variable.name(), (long) at);
    if (tokens.skipIf("=")) {
      boolean many = tokens.skipIf("{");
      do {
        Region.set(constants, at, variable.size(), tokens.number());
        at += variable.size();
      } while (many && tokens.skipIf(","));
      if (many) {
        tokens.expect("}");
      }
    }
    tokens.expect(";");
  }
}
