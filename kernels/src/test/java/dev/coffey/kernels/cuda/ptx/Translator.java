package dev.coffey.kernels.cuda.ptx;

import dev.coffey.kernels.cuda.ptx.Operand.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/// Makes instructions of parsed statements.
final class Translator {
  /// An instruction as written.
  record Statement(Site site, String name, List<Operand> operands) {}

  private static final Set<String> MEMORY_MODIFIERS =
      Set.of(
          "nc",
          "ca",
          "cg",
          "cs",
          "lu",
          "cv",
          "wb",
          "wt",
          "volatile",
          "relaxed",
          "weak",
          "gpu",
          "cta",
          "sys",
          "L1::no_allocate",
          "L1::evict_last",
          "L1::evict_first",
          "L2::64B",
          "L2::128B",
          "L2::256B",
          "shared::cta");

  private final Registers registers;
  private final Map<String, Integer> labels;
  private final Map<String, List<String>> tables;

  /// @param labels the index of the instruction that each stands before
  /// @param tables the labels of each `.branchtargets`
  Translator(Registers registers, Map<String, Integer> labels, Map<String, List<String>> tables) {
    this.registers = registers;
    this.labels = labels;
    this.tables = tables;
  }

  Instruction translate(Statement statement) {
    return new One(statement).translate();
  }

  /// One instruction on its way.
  private final class One {
    private final Site site;
    private final String name;
    private final List<String> modifiers;
    private final List<Operand> operands;

    One(Statement statement) {
      this.site = statement.site();
      List<String> parts = Arrays.asList(statement.name().split("\\."));
      this.name = parts.get(0);
      this.modifiers = parts.subList(1, parts.size());
      this.operands = statement.operands();
    }

    Instruction translate() {
      return switch (name) {
        case "bra" -> new Control.Branch(site, label(operand(0)));
        case "brx" -> indexedBranch();
        case "ret", "exit" -> new Control.Exit(site);
        case "trap" -> new Control.Trap(site);
        case "bar", "barrier" -> barrier();
        case "membar", "fence", "prefetch", "prefetchu" -> new Control.Nothing(site);
        case "ld", "ldu" -> load();
        case "st" -> store();
        case "cvta" -> addressConversion();
        case "atom", "red" -> atomic();
        case "cp" -> copy();
        case "ldmatrix" -> loadMatrix();
        case "mma" -> multiplyMatrices();
        case "shfl" -> shuffle();
        case "vote" -> vote();
        case "activemask" -> new Exchange.ActiveMask(site, word(operand(0)));
        case "redux" -> reduce();
        case "setp" -> compare();
        case "selp" -> select();
        case "cvt" -> convert();
        case "lop3" -> logic();
        case "shf" -> funnel();
        case "bfi" -> insert();
        case "mov" -> move();
        case "popc", "clz", "brev", "bfe" -> bits();
        default -> arithmetic();
      };
    }

    // Operands

    private Operand operand(int index) {
      if (index >= operands.size()) {
        throw unsupported("operand " + (index + 1) + " is missing");
      }
      return operands.get(index);
    }

    private int word(Operand operand) {
      return switch (operand) {
        case Operand.Register(File file, int number, int _) when file == File.WORD -> number;
        case Operand.Special(String special) -> registers.special(special);
        case Operand.Immediate(long bits) -> registers.constant((int) bits);
        case Operand.Variable(long address) -> registers.constant((int) address);
        default -> throw unsupported("not a 32-bit operand: " + operand);
      };
    }

    private int word(int index, Type type) {
      Operand operand = operand(index);
      return type.bits == 16 && operand instanceof Operand.Immediate(long bits)
          ? registers.constant((int) bits & 0xFFFF)
          : word(operand);
    }

    private int longWord(Operand operand) {
      return switch (operand) {
        case Operand.Register(File file, int number, int _) when file == File.LONG -> number;
        case Operand.Immediate(long bits) -> registers.constant(bits);
        case Operand.Variable(long address) -> registers.constant(address);
        default -> throw unsupported("not a 64-bit operand: " + operand);
      };
    }

    private int predicate(Operand operand) {
      return switch (operand) {
        case Operand.Register(File file, int number, int _) when file == File.PREDICATE -> number;
        case Operand.Sink _ -> -1;
        default -> throw unsupported("not a predicate: " + operand);
      };
    }

    private int label(Operand operand) {
      if (operand instanceof Operand.Label(String label)) {
        return target(label);
      }
      throw unsupported("not a label: " + operand);
    }

    private int target(String label) {
      Integer target = labels.get(label);
      if (target == null) {
        throw unsupported("no label " + label);
      }
      return target;
    }

    /// A third or second operand where there is one; else some place, which the function ignores.
    private int wordOrAny(int index, Type type) {
      return index < operands.size() ? word(index, type) : registers.constant(0);
    }

    private int longOrAny(int index) {
      return index < operands.size() ? longWord(operand(index)) : registers.constant(0L);
    }

    private List<Operand> elements(Operand operand) {
      return operand instanceof Operand.Vector(List<Operand> elements)
          ? elements
          : List.of(operand);
    }

    private int[] words(Operand operand) {
      return elements(operand).stream().mapToInt(this::word).toArray();
    }

    private Type type() {
      return typeFromEnd(0);
    }

    /// The last type among the modifiers, or one before it.
    private Type typeFromEnd(int skipped) {
      List<Type> types =
          modifiers.stream().map(Type::of).filter(Objects::nonNull).toList().reversed();
      if (skipped >= types.size()) {
        throw unsupported("no type");
      }
      return types.get(skipped);
    }

    private boolean has(String modifier) {
      return modifiers.contains(modifier);
    }

    private Fault unsupported(String what) {
      return new Fault(Fault.Kind.UNSUPPORTED, what + ", at " + site);
    }

    private <T> T supported(@Nullable T function) {
      if (function == null) {
        throw unsupported("this instruction is not known");
      }
      return function;
    }

    // Control

    private Instruction indexedBranch() {
      if (operand(1) instanceof Operand.Label(String table) && tables.containsKey(table)) {
        int[] targets = tables.get(table).stream().mapToInt(this::target).toArray();
        return new Control.IndexedBranch(site, word(operand(0)), targets);
      }
      throw unsupported("no table of branches");
    }

    private Instruction barrier() {
      if (has("warp")) {
        return new Control.WarpBarrier(site, word(operand(0)));
      }
      if (!has("sync") || has("arrive") || has("red")) {
        throw unsupported("this barrier is not known");
      }
      int threads = operands.size() > 1 ? immediate(operand(1)) : 0;
      return new Control.Barrier(site, immediate(operand(0)), threads);
    }

    private int immediate(Operand operand) {
      if (operand instanceof Operand.Immediate(long bits)) {
        return (int) bits;
      }
      throw unsupported("not a constant: " + operand);
    }

    // Memory

    private Access.Place place(Operand operand, Access.Space space) {
      if (!(operand instanceof Operand.Address(Operand base, long offset))) {
        throw unsupported("not an address: " + operand);
      }
      return switch (base) {
        case Operand.Register(File file, int number, int _) when file != File.PREDICATE ->
            new Access.Place(space, file, number, offset);
        case Operand.Variable(long address) ->
            new Access.Place(space, File.LONG, -1, address + offset);
        case Operand.Immediate(long bits) -> new Access.Place(space, File.LONG, -1, bits + offset);
        default -> throw unsupported("not an address: " + operand);
      };
    }

    private Access.Space space() {
      for (String modifier : modifiers) {
        switch (modifier) {
          case "global" -> {
            return Access.Space.GLOBAL;
          }
          case "shared", "shared::cta" -> {
            return Access.Space.SHARED;
          }
          default -> {}
        }
      }
      return Access.Space.GENERIC;
    }

    private void requireKnownMemoryModifiers() {
      for (String modifier : modifiers) {
        if (Type.of(modifier) == null
            && !MEMORY_MODIFIERS.contains(modifier)
            && !Set.of("global", "shared", "local", "param", "const", "v2", "v4", "v8")
                .contains(modifier)) {
          throw unsupported("." + modifier + " is not known");
        }
      }
    }

    private Access.Elements elements(Operand operand, Type type) {
      List<Operand> all = elements(operand);
      // A register may be wider than what is loaded into it or stored from it.
      boolean longs =
          all.stream()
              .filter(Operand.Register.class::isInstance)
              .map(register -> ((Operand.Register) register).file() == File.LONG)
              .findFirst()
              .orElse(type.bits == 64);
      int[] places = new int[all.size()];
      for (int i = 0; i < places.length; i++) {
        Operand element = all.get(i);
        if (element instanceof Operand.Sink) {
          places[i] = -1;
        } else {
          places[i] = longs ? longWord(element) : word(element);
        }
      }
      return new Access.Elements(longs, places);
    }

    private Access.Shape shape(Operand operand, Type type) {
      int signBits = 0;
      if (type.isSigned() && elements(operand).getFirst() instanceof Operand.Register register) {
        signBits = register.bits();
      }
      return new Access.Shape(type.bytes(), signBits);
    }

    private Instruction load() {
      requireKnownMemoryModifiers();
      Type type = type();
      Access.Shape shape = shape(operand(0), type);
      Access.Elements elements = elements(operand(0), type);
      if (has("param")) {
        if (operand(1) instanceof Operand.Address(Operand.Parameter(int at, int bytes), long by)
            && by >= 0
            && by + (long) elements.count() * type.bytes() <= bytes) {
          return new Access.LoadParameter(site, at + (int) by, elements, shape);
        }
        throw unsupported("no such parameter: " + operand(1));
      }
      if (has("local")) {
        Access.Place place = place(operand(1), Access.Space.GENERIC);
        return new Access.Local(site, place, elements, shape, true);
      }
      if (has("const")) {
        Access.Place place = place(operand(1), Access.Space.GENERIC);
        return new Access.LoadConstant(site, place, elements, shape);
      }
      return new Access.Load(site, place(operand(1), space()), elements, shape);
    }

    private Instruction store() {
      requireKnownMemoryModifiers();
      Type type = type();
      Access.Elements elements = elements(operand(1), type);
      Access.Shape shape = new Access.Shape(type.bytes(), 0);
      if (has("local")) {
        Access.Place place = place(operand(0), Access.Space.GENERIC);
        return new Access.Local(site, place, elements, shape, false);
      }
      return new Access.Store(site, place(operand(0), space()), elements, shape);
    }

    private Instruction addressConversion() {
      long window =
          has("shared") || has("shared::cta")
              ? Access.SHARED_WINDOW
              : has("local") ? Access.LOCAL_WINDOW : 0;
      boolean toSpace = has("to");
      int result = longWord(operand(0));
      int source = longWord(operand(1));
      Lanewise.Longs function = toSpace ? (a, _, _) -> a & ~window : (a, _, _) -> a | window;
      return new Lanewise.OnLongs(site, function, result, source, source, source);
    }

    private Instruction atomic() {
      boolean reduction = name.equals("red");
      Type type = type();
      int first = reduction ? 0 : 1;
      Access.Elements results =
          reduction ? new Access.Elements(type.bits == 64, new int[0]) : elements(operand(0), type);
      Access.Place place = place(operand(first), space());
      boolean exchanges = has("cas");
      List<Operand> values = operands.subList(first + 1, first + (exchanges ? 3 : 2));
      return new Access.Atomic(
          site,
          place,
          new Access.Shape(type.bytes(), 0),
          supported(atomicFunction(type)),
          exchanges,
          elements(new Operand.Vector(values), type),
          results);
    }

    private @Nullable LongBinaryOperator atomicFunction(Type type) {
      if (has("cas") || has("exch")) {
        return (_, b) -> b;
      }
      for (String operation : List.of("add", "min", "max", "and", "or", "xor")) {
        if (has(operation)) {
          if (type.bits == 64) {
            Lanewise.Longs longs =
                type == Type.F64
                    ? Functions.double64(operation, List.of())
                    : Functions.integer64(operation, List.of(), type.isSigned());
            return longs == null ? null : (a, b) -> longs.apply(a, b, 0);
          }
          Lanewise.Words words =
              type == Type.F32
                  ? Functions.single32(operation, List.of())
                  : Functions.integer(operation, List.of(), type);
          return words == null ? null : (a, b) -> words.apply((int) a, (int) b, 0) & 0xFFFF_FFFFL;
        }
      }
      return null;
    }

    private Instruction copy() {
      if (!has("async") || has("bulk") || has("mbarrier")) {
        throw unsupported("this copy is not known");
      }
      if (has("commit_group")) {
        return new Control.CommitCopies(site);
      }
      if (has("wait_all")) {
        return new Control.AwaitCopies(site, -1);
      }
      if (has("wait_group")) {
        return new Control.AwaitCopies(site, immediate(operand(0)));
      }
      int size = immediate(operand(2));
      if (size != 16 && (has("cg") || (size != 4 && size != 8))) {
        throw unsupported("a copy of " + size + " bytes");
      }
      int given = operands.size() > 3 ? word(operand(3)) : -1;
      return new Access.CopyAsync(
          site,
          place(operand(0), Access.Space.SHARED),
          place(operand(1), Access.Space.GLOBAL),
          size,
          given);
    }

    // Matrices

    private Instruction loadMatrix() {
      if (!has("m8n8") || !has("b16") || !(has("shared") || has("shared::cta"))) {
        throw unsupported("this ldmatrix is not known");
      }
      int count = has("x4") ? 4 : has("x2") ? 2 : 1;
      int[] results = words(operand(0));
      if (results.length != count) {
        throw unsupported(results.length + " registers for " + count + " matrices");
      }
      return new Matrix.Load(site, place(operand(1), Access.Space.SHARED), results, has("trans"));
    }

    private Instruction multiplyMatrices() {
      List<Type> types = modifiers.stream().map(Type::of).filter(Objects::nonNull).toList();
      String shape =
          modifiers.stream().filter(m -> m.matches("m\\d+n\\d+k\\d+")).findFirst().orElse("");
      if (types.size() != 4
          || types.get(1) != types.get(2)
          || types.get(0) != types.get(3)
          || !has("row")
          || !has("col")
          || modifiers.indexOf("row") > modifiers.indexOf("col")) {
        throw unsupported("this mma is not known");
      }
      Type element = types.get(1);
      boolean halfSums = types.get(0) == Type.F16;
      int depth =
          switch (shape + " " + element) {
            case "m16n8k16 F16", "m16n8k16 BF16" -> 16;
            case "m16n8k8 F16", "m16n8k8 BF16", "m16n8k8 TF32" -> 8;
            case "m16n8k4 TF32" -> 4;
            default -> throw unsupported("mma of " + shape + " " + element);
          };
      if (!halfSums && types.get(0) != Type.F32) {
        throw unsupported("sums of " + types.get(0));
      }
      int elementsPerRegister = element == Type.TF32 ? 1 : 2;
      int[] d = words(operand(0));
      int[] a = words(operand(1));
      int[] b = words(operand(2));
      int[] c = words(operand(3));
      if (a.length != 16 * depth / Warp.LANES / elementsPerRegister
          || b.length != 8 * depth / Warp.LANES / elementsPerRegister
          || c.length != (halfSums ? 2 : 4)
          || d.length != c.length) {
        throw unsupported("the number of registers doesn't fit");
      }
      return new Matrix.Multiply(
          site, Matrix.Storage.valueOf(element.name()), depth, halfSums, d, a, b, c);
    }

    // Exchange

    private Instruction shuffle() {
      Exchange.Shuffle mode = Exchange.Shuffle.valueOf(modifiers.get(1).toUpperCase(Locale.ROOT));
      Operand result = operand(0);
      int inRange = -1;
      if (result instanceof Operand.Pair(Operand first, Operand second)) {
        result = first;
        inRange = predicate(second);
      }
      return new Exchange.ShuffleLanes(
          site,
          mode,
          word(result),
          inRange,
          word(operand(1)),
          word(operand(2)),
          word(operand(3)),
          word(operand(4)));
    }

    private Instruction vote() {
      Exchange.Vote mode = Exchange.Vote.valueOf(modifiers.get(1).toUpperCase(Locale.ROOT));
      boolean ballot = mode == Exchange.Vote.BALLOT;
      boolean negated = operand(1) instanceof Operand.Not;
      Operand asked = operand(1) instanceof Operand.Not(Operand.Register p) ? p : operand(1);
      return new Exchange.VoteLanes(
          site,
          mode,
          ballot ? word(operand(0)) : predicate(operand(0)),
          predicate(asked),
          negated,
          word(operand(2)));
    }

    private Instruction reduce() {
      Lanewise.Words function = Functions.integer(modifiers.get(1), List.of(), type());
      return new Exchange.Reduce(
          site, supported(function), word(operand(0)), word(operand(1)), word(operand(2)));
    }

    // Predicates

    private Instruction compare() {
      Operand first = operand(0);
      Operand second = new Operand.Sink();
      if (first instanceof Operand.Pair(Operand one, Operand other)) {
        first = one;
        second = other;
      }
      Lanewise.Combination combination = Lanewise.Combination.NONE;
      int with = -1;
      boolean negated = false;
      if (operands.size() > 3) {
        combination = Lanewise.Combination.valueOf(modifiers.get(1).toUpperCase(Locale.ROOT));
        Operand other = operand(3);
        if (other instanceof Operand.Not(Operand.Register p)) {
          negated = true;
          other = p;
        }
        with = predicate(other);
      }
      Lanewise.Outcome outcome =
          new Lanewise.Outcome(predicate(first), predicate(second), combination, with, negated);
      Type type = type();
      if (has("ftz")) {
        throw unsupported("a comparison that flushes");
      }
      if (type.bits == 64) {
        return new Lanewise.CompareLongs(
            site,
            supported(Functions.compareLongs(modifiers.get(0), type)),
            outcome,
            longWord(operand(1)),
            longWord(operand(2)));
      }
      return new Lanewise.CompareWords(
          site,
          supported(Functions.compareWords(modifiers.get(0), type)),
          outcome,
          word(1, type),
          word(2, type));
    }

    private Instruction select() {
      Type type = type();
      int condition = predicate(operand(3));
      if (type.bits == 64) {
        return new Lanewise.SelectLong(
            site, longWord(operand(0)), longWord(operand(1)), longWord(operand(2)), condition);
      }
      return new Lanewise.SelectWord(
          site, word(operand(0)), word(1, type), word(2, type), condition);
    }

    private Instruction onPredicates() {
      Lanewise.Words function = supported(Functions.integer(name, List.of(), Type.B32));
      if (name.equals("mov") && operand(1) instanceof Operand.Immediate(long bits)) {
        int all = bits == 0 ? 0 : -1;
        return new Lanewise.OnPredicates(
            site, (_, _, _) -> all, predicate(operand(0)), predicate(operand(0)), -1);
      }
      return new Lanewise.OnPredicates(
          site,
          function,
          predicate(operand(0)),
          predicate(operand(1)),
          operands.size() > 2 ? predicate(operand(2)) : -1);
    }

    // Conversions and moves

    private Instruction convert() {
      Type to = typeFromEnd(1);
      Type from = typeFromEnd(0);
      if (to == Type.F16X2 || to == Type.BF16X2) {
        return convertPair(to == Type.BF16X2, from);
      }
      LongUnaryOperator function = supported(Functions.conversion(to, from, modifiers));
      Operand result = operand(0);
      // The number fills the register: a signed one with its sign.
      int width = result instanceof Operand.Register register ? register.bits() : to.bits;
      LongUnaryOperator filling =
          to.isSigned() && width > to.bits
              ? bits -> {
                int unused = Long.SIZE - to.bits;
                long signed = function.applyAsLong(bits) << unused >> unused;
                return width == Long.SIZE ? signed : signed & (1L << width) - 1;
              }
              : function;
      boolean fromLong = from.bits == 64;
      boolean toLong = to.bits == 64;
      if (fromLong && toLong) {
        int source = longWord(operand(1));
        return new Lanewise.OnLongs(
            site, (a, _, _) -> filling.applyAsLong(a), longWord(result), source, source, source);
      }
      if (fromLong) {
        return new Lanewise.Narrow(
            site, a -> (int) filling.applyAsLong(a), word(result), longWord(operand(1)));
      }
      int source = word(1, from);
      if (toLong) {
        return new Lanewise.Widen(
            site,
            (a, _, _) -> filling.applyAsLong(a & 0xFFFF_FFFFL),
            longWord(result),
            source,
            source,
            registers.constant(0L));
      }
      Lanewise.Words fast = fastConversion(to, from);
      return new Lanewise.OnWords(
          site,
          fast != null ? fast : (a, _, _) -> (int) filling.applyAsLong(a & 0xFFFF_FFFFL),
          word(result),
          source,
          source,
          source);
    }

    /// The conversions that kernels make most, without the way through double.
    private Lanewise.@Nullable Words fastConversion(Type to, Type from) {
      if (to == Type.F32 && from == Type.F16 && modifiers.size() == 2) {
        return (a, _, _) -> Numbers.bits(Numbers.ofHalf(a));
      }
      if (to == Type.F16 && from == Type.F32 && modifiers.equals(List.of("rn", "f16", "f32"))) {
        return (a, _, _) -> Float.floatToFloat16(Numbers.single(a)) & 0xFFFF;
      }
      return null;
    }

    private Instruction convertPair(boolean brain, Type from) {
      if (from != Type.F32 || !has("rn") || has("satfinite") || operands.size() != 3) {
        throw unsupported("this conversion is not known");
      }
      boolean rectifies = has("relu");
      Lanewise.Words function =
          (a, b, _) -> {
            float high = Numbers.single(a);
            float low = Numbers.single(b);
            if (rectifies) {
              high = Numbers.max(high, 0, true);
              low = Numbers.max(low, 0, true);
            }
            return Numbers.narrow(low, brain) | Numbers.narrow(high, brain) << 16;
          };
      return new Lanewise.OnWords(
          site, function, word(operand(0)), word(operand(1)), word(operand(2)), word(operand(2)));
    }

    private Instruction move() {
      if (type() == Type.PRED) {
        return onPredicates();
      }
      boolean isLong = type().bits == 64;
      if (operand(1) instanceof Operand.Vector(List<Operand> parts)) {
        int result = isLong ? longWord(operand(0)) : word(operand(0));
        int[] places = parts.stream().mapToInt(this::word).toArray();
        return new Lanewise.Pack(site, isLong, result, places);
      }
      if (operand(0) instanceof Operand.Vector(List<Operand> parts)) {
        int source = isLong ? longWord(operand(1)) : word(operand(1));
        int[] places =
            parts.stream().mapToInt(p -> p instanceof Operand.Sink ? -1 : word(p)).toArray();
        return new Lanewise.Unpack(site, isLong, source, places);
      }
      return arithmetic();
    }

    // Arithmetic

    private Instruction logic() {
      int table = immediate(operand(4));
      return new Lanewise.OnWords(
          site,
          Functions.logic(table),
          word(operand(0)),
          word(operand(1)),
          word(operand(2)),
          word(operand(3)));
    }

    private Instruction funnel() {
      return new Lanewise.OnWords(
          site,
          Functions.funnel(has("l"), has("wrap")),
          word(operand(0)),
          word(operand(1)),
          word(operand(2)),
          word(operand(3)));
    }

    private Instruction insert() {
      if (type() != Type.B32) {
        throw unsupported("this bfi is not known");
      }
      return new Lanewise.OnWords(
          site,
          Functions.insertion(immediate(operand(3)), immediate(operand(4))),
          word(operand(0)),
          word(operand(1)),
          word(operand(2)),
          word(operand(2)));
    }

    private Instruction bits() {
      Type type = type();
      if (type.bits == 32) {
        return arithmetic();
      }
      Lanewise.Narrowing narrowing =
          switch (name) {
            case "popc" -> Long::bitCount;
            case "clz" -> Long::numberOfLeadingZeros;
            default -> null;
          };
      return new Lanewise.Narrow(
          site, supported(narrowing), word(operand(0)), longWord(operand(1)));
    }

    private Instruction arithmetic() {
      Type type = type();
      if (type == Type.PRED) {
        return onPredicates();
      }
      if (has("cc") || Set.of("addc", "subc", "madc").contains(name)) {
        throw unsupported("carries are not known");
      }
      if (has("wide")) {
        return widening(type);
      }
      if (type.bits == 64) {
        return onLongs(type);
      }
      if (name.equals("fma") && modifiers.equals(List.of("rn", "f32"))) {
        return new Lanewise.MultiplyAdd(
            site, word(operand(0)), word(operand(1)), word(operand(2)), word(operand(3)));
      }
      Lanewise.Words function =
          switch (type) {
            case F32 -> Functions.single32(name, modifiers);
            case F16, BF16, F16X2, BF16X2 -> Functions.half(name, modifiers, type);
            default -> has("sat") ? null : Functions.integer(name, modifiers, type);
          };
      return new Lanewise.OnWords(
          site,
          supported(function),
          word(operand(0)),
          word(1, type),
          wordOrAny(2, type),
          wordOrAny(3, type));
    }

    private Instruction onLongs(Type type) {
      Lanewise.Shift shift = Functions.shift64(name, type.isSigned());
      if (shift != null) {
        return new Lanewise.ShiftLong(
            site, shift, longWord(operand(0)), longWord(operand(1)), word(operand(2)));
      }
      Lanewise.Longs function =
          type == Type.F64
              ? Functions.double64(name, modifiers)
              : Functions.integer64(name, modifiers, type.isSigned());
      return new Lanewise.OnLongs(
          site,
          supported(function),
          longWord(operand(0)),
          longWord(operand(1)),
          longOrAny(2),
          longOrAny(3));
    }

    /// `mul.wide` and `mad.wide`.
    private Instruction widening(Type type) {
      boolean adds = name.equals("mad");
      if (!adds && !name.equals("mul")) {
        throw unsupported("this instruction is not known");
      }
      int a = word(1, type);
      int b = word(2, type);
      if (type.bits == 16) {
        Lanewise.Words function =
            type.isSigned()
                ? (x, y, z) -> (short) x * (short) y + (adds ? z : 0)
                : (x, y, z) -> (x & 0xFFFF) * (y & 0xFFFF) + (adds ? z : 0);
        int c = adds ? word(operand(3)) : b;
        return new Lanewise.OnWords(site, function, word(operand(0)), a, b, c);
      }
      Lanewise.Widening function =
          type.isSigned()
              ? (x, y, z) -> (long) x * y + z
              : (x, y, z) -> (x & 0xFFFF_FFFFL) * (y & 0xFFFF_FFFFL) + z;
      int c = adds ? longWord(operand(3)) : registers.constant(0L);
      return new Lanewise.Widen(site, function, longWord(operand(0)), a, b, c);
    }
  }

  /// The statements of a kernel, and an end behind them.
  Instruction[] translateAll(List<Statement> statements) {
    List<Instruction> code = new ArrayList<>();
    for (Statement statement : statements) {
      code.add(translate(statement));
    }
    code.add(new Control.Exit(new Site("the end", 0, null, -1, false)));
    return code.toArray(Instruction[]::new);
  }
}
