package dev.coffey.kernels.cuda.ptx;

import dev.coffey.kernels.cuda.ptx.Operand.File;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Reads one kernel.
final class KernelReader {
  private static final int MAX_THREADS = 1024;

  /// Registers `prefix0` to `prefix(count-1)`, or, with count -1, the one `prefix`.
  private record Declared(Type type, int count) {}

  /// The names between a pair of braces.
  private static final class Scope {
    final Map<String, Declared> declared = new HashMap<>();
    final Map<String, Operand.Register> registers = new HashMap<>();
    final Map<String, Long> variables = new HashMap<>();
  }

  private final PtxModule module;
  private final String name;
  private final Tokens tokens;
  private final Registers registers = new Registers();
  private final Deque<Scope> scopes = new ArrayDeque<>();
  private final Map<String, Operand.Parameter> parameters = new HashMap<>();
  private final Map<String, Integer> labels = new HashMap<>();
  private final Map<String, List<String>> tables = new HashMap<>();
  private final List<Translator.Statement> statements = new ArrayList<>();
  private int parameterBytes;
  private int sharedBytes;
  private boolean dynamicPlaced;
  private int localBytes;
  private int maxThreads = MAX_THREADS;
  private @Nullable String source;

  KernelReader(PtxModule module, PtxModule.Source source) {
    this.module = module;
    this.name = source.name();
    this.tokens = new Tokens(source.parameters());
  }

  Kernel read() {
    readParameters();
    readLimits();
    placeShared();
    readBody();
    Instruction[] code = new Translator(registers, labels, tables).translateAll(statements);
    return new Kernel(
        name,
        parameterBytes,
        code,
        registers,
        module.constants(),
        sharedBytes,
        localBytes,
        maxThreads);
  }

  private void readParameters() {
    if (!tokens.skipIf("(")) {
      return;
    }
    while (!tokens.skipIf(")")) {
      tokens.expect(".param");
      PtxModule.Variable parameter = tokens.variable();
      // `.ptr .align n` tells of the pointer, not of the parameter.
      int align = parameter.count() == 1 ? parameter.size() : parameter.align();
      int offset = aligned(parameterBytes, align);
      parameters.put(parameter.name(), new Operand.Parameter(offset, parameter.bytes()));
      parameterBytes = offset + parameter.bytes();
      tokens.skipIf(",");
    }
  }

  private void readLimits() {
    while (!tokens.peek().is("{")) {
      String limit = tokens.next().text();
      int product = 1;
      do {
        product *= (int) tokens.number();
      } while (tokens.skipIf(","));
      if (limit.equals(".maxntid") || limit.equals(".reqntid")) {
        maxThreads = product;
      }
    }
  }

  private static int aligned(int offset, int align) {
    return (offset + align - 1) / align * align;
  }

  /// Places the module's shared variables that this kernel names. Those without a size come behind
  /// all others, where the dynamic memory begins: when they are first used.
  private void placeShared() {
    Scope outermost = new Scope();
    scopes.push(outermost);
    for (PtxModule.Variable variable : module.shared().values()) {
      if (variable.bytes() > 0 && tokens.contain(variable.name())) {
        outermost.variables.put(variable.name(), placeShared(variable));
      }
    }
  }

  private long placeShared(PtxModule.Variable variable) {
    if (dynamicPlaced && variable.bytes() > 0) {
      throw tokens.fault("shared memory of a fixed size behind the dynamic one");
    }
    dynamicPlaced |= variable.bytes() == 0;
    sharedBytes = aligned(sharedBytes, variable.align());
    long address = sharedBytes;
    sharedBytes += variable.bytes();
    return address;
  }

  private void readBody() {
    do {
      Token token = tokens.peek();
      switch (token.text()) {
        case "{" -> {
          tokens.next();
          scopes.push(new Scope());
        }
        case "}" -> {
          tokens.next();
          scopes.pop();
        }
        case ";" -> tokens.next();
        case ".reg" -> readRegisters();
        case ".shared" -> {
          tokens.next();
          PtxModule.Variable variable = tokens.variable();
          scopes.getFirst().variables.put(variable.name(), placeShared(variable));
          tokens.expect(";");
        }
        case ".local" -> {
          tokens.next();
          PtxModule.Variable variable = tokens.variable();
          localBytes = aligned(localBytes, variable.align());
          scopes.getFirst().variables.put(variable.name(), (long) localBytes);
          localBytes = aligned(localBytes + variable.bytes(), 16);
          tokens.expect(";");
        }
        case ".loc" -> {
          tokens.next();
          String file = module.files().getOrDefault(tokens.next().text(), "?");
          source = file + ":" + tokens.next().text();
          tokens.skipLine();
        }
        case ".pragma" -> {
          while (!tokens.skipIf(";")) {
            tokens.next();
          }
        }
        default -> {
          if (tokens.isSecond(":")) {
            readLabel();
          } else {
            readInstruction();
          }
        }
      }
    } while (scopes.size() > 1);
  }

  private void readRegisters() {
    tokens.expect(".reg");
    String typeName = tokens.next().text();
    Type type = Type.of(typeName.substring(1));
    if (type == null) {
      throw tokens.fault("registers of type " + typeName);
    }
    do {
      String register = tokens.next().text();
      int count = -1;
      if (tokens.skipIf("<")) {
        count = (int) tokens.number();
        tokens.expect(">");
      }
      scopes.getFirst().declared.put(register, new Declared(type, count));
    } while (tokens.skipIf(","));
    tokens.expect(";");
  }

  private void readLabel() {
    String label = tokens.next().text();
    tokens.expect(":");
    if (tokens.skipIf(".branchtargets")) {
      List<String> targets = new ArrayList<>();
      do {
        targets.add(tokens.next().text());
      } while (tokens.skipIf(","));
      tokens.expect(";");
      tables.put(label, targets);
    } else {
      labels.put(label, statements.size());
    }
  }

  private void readInstruction() {
    int line = tokens.peek().line();
    int guard = -1;
    boolean negated = false;
    StringBuilder text = new StringBuilder();
    if (tokens.skipIf("@")) {
      negated = tokens.skipIf("!");
      String predicate = tokens.next().text();
      if (!(named(predicate) instanceof Operand.Register(File file, int number, int _))
          || file != File.PREDICATE) {
        throw tokens.fault("not a predicate: " + predicate);
      }
      guard = number;
      text.append(negated ? "@!" : "@").append(predicate).append(' ');
    }
    String opcode = tokens.next().text();
    text.append(opcode);
    if (opcode.equals("call") || opcode.startsWith("call.")) {
      throw new Fault(
          Fault.Kind.UNSUPPORTED, "calls are not known, kernel " + name + ", PTX line " + line);
    }
    List<Operand> operands = new ArrayList<>();
    int first = tokens.position();
    while (!tokens.skipIf(";")) {
      operands.add(operand());
      tokens.skipIf(",");
    }
    text.append(' ').append(tokens.text(first));
    Site site = new Site(text.toString(), line, source, guard, negated);
    statements.add(new Translator.Statement(site, opcode, operands));
  }

  private Operand operand() {
    Operand one = simpleOperand();
    return tokens.skipIf("|") ? new Operand.Pair(one, simpleOperand()) : one;
  }

  private Operand simpleOperand() {
    if (tokens.skipIf("[")) {
      Operand base = simpleOperand();
      long offset = 0;
      if (tokens.skipIf("+")) {
        offset = tokens.number();
      } else if (tokens.peek().is("-")) {
        offset = tokens.number();
      }
      tokens.expect("]");
      return new Operand.Address(base, offset);
    }
    if (tokens.skipIf("{")) {
      List<Operand> elements = new ArrayList<>();
      while (!tokens.skipIf("}")) {
        elements.add(simpleOperand());
        tokens.skipIf(",");
      }
      return new Operand.Vector(elements);
    }
    if (tokens.skipIf("!")) {
      if (named(tokens.next().text()) instanceof Operand.Register predicate) {
        return new Operand.Not(predicate);
      }
      throw tokens.fault("not a predicate");
    }
    String text = tokens.peek().text();
    if (text.equals("-") || Character.isDigit(text.charAt(0))) {
      return new Operand.Immediate(tokens.number());
    }
    tokens.next();
    return named(text);
  }

  private Operand named(String text) {
    if (text.equals("_")) {
      return new Operand.Sink();
    }
    for (Scope scope : scopes) {
      Operand.Register register = scope.registers.get(text);
      if (register == null) {
        register = declared(scope, text);
      }
      if (register != null) {
        return register;
      }
      Long variable = scope.variables.get(text);
      if (variable != null) {
        return new Operand.Variable(variable);
      }
    }
    Operand.Parameter parameter = parameters.get(text);
    if (parameter != null) {
      return parameter;
    }
    Long constant = module.constantAddresses().get(text);
    if (constant != null) {
      return new Operand.Variable(constant);
    }
    PtxModule.Variable dynamic = module.shared().get(text);
    if (dynamic != null) {
      long address = placeShared(dynamic);
      scopes.getLast().variables.put(text, address);
      return new Operand.Variable(address);
    }
    return text.startsWith("%") ? new Operand.Special(text) : new Operand.Label(text);
  }

  /// The register of that name if `scope` declares it, with a place of its own from now on.
  private Operand.@Nullable Register declared(Scope scope, String text) {
    Declared declared = scope.declared.get(text);
    if (declared == null) {
      int digits = text.length();
      while (digits > 0 && Character.isDigit(text.charAt(digits - 1))) {
        digits--;
      }
      declared = scope.declared.get(text.substring(0, digits));
      if (declared == null
          || digits == text.length()
          || Integer.parseInt(text.substring(digits)) >= declared.count()) {
        return null;
      }
    }
    File file = declared.type().file();
    Operand.Register register =
        new Operand.Register(file, registers.next(file), declared.type().bits);
    scope.registers.put(text, register);
    return register;
  }
}
