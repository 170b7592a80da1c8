// A graph in the making: while there is one, ops become its nodes instead of being run.
#ifndef KD_TRACE_H_
#define KD_TRACE_H_
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "context.h"
#include "control_order.h"
#include "op_call.h"
#include "op_definition.h"
#include "tensors.h"
#include "timed_graph.h"

namespace kd {

// Numbers of symbolic tensors start here: above those of tensors with values, below what a number of JavaScript holds.
constexpr int64_t kFirstSymbol = int64_t{1} << 40;

struct TraceStats {
  int64_t ops = 0;
  int64_t constants = 0;
  int64_t bytes = 0;  // of the constants
};

// A variable of a trace, and its new value.
struct Update {
  int64_t variable;
  int64_t value;
};

class Trace {
 public:
  Trace(const Context &context, Tensors &tensors, int64_t firstSymbol)
      : context_(context), tensors_(tensors), firstTensor_(tensors.next()), nextSymbol_(firstSymbol) {}

  // A placeholder that finish() takes as an input.
  TensorMetadata input(TF_DataType dtype, const Shape &shape);
  // An input that finish() may be told of a new value for, which then takes the place of the old one.
  TensorMetadata variable(TF_DataType dtype, const Shape &shape);
  // Names of nodes that are added from here on begin with it.
  void enter(const std::string &scope) { scope_ = scope.empty() ? "" : scope + "/"; }
  // What convolutions and their gradients that are added from here on, and what goes on from them alone, are computed in.
  // To whoever takes what comes out it is float32.
  void computeIn(TF_DataType floats) { floats_ = floats; }
  bool computesInHalf() const { return floats_ != TF_FLOAT; }
  // Appends the op; its outputs are symbolic.
  std::vector<TensorMetadata> add(const OpCall &call);

  bool has(int64_t symbol) const { return symbols_.count(symbol) > 0; }
  void remove(int64_t symbol) { symbols_.erase(symbol); }
  // Whether an op took this input.
  bool isUsed(int64_t id) const;
  std::string describe(int64_t id) const;
  const std::string &opOf(int64_t symbol) const { return symbols_.at(symbol).op; }
  size_t size() const { return symbols_.size(); }
  int64_t nextSymbol() const { return nextSymbol_; }
  const TraceStats &stats() const { return stats_; }

  struct Finished {
    Function function;
    std::vector<int64_t> captured;  // Tensors that the trace met, in the order of their inputs after those of `inputs`.
    std::vector<TensorMetadata> outputs;  // Without numbers.
    GraphEnds ends;
    std::vector<size_t> cells;  // Of the variables that are updated.
  };
  // `updates`: variables that are lent instead of given, see Cells. The last input is the number of the cells then.
  Finished finish(const std::string &name, const std::vector<int64_t> &inputs, const std::vector<int64_t> &outputs,
                  const std::vector<Update> &updates);
  // After finish(): nothing can be added any more.
  Graph takeGraph() { return std::move(graph_); }

 private:
  struct Symbol {
    TF_Output output;  // Without a node where it is there in fewer bits alone so far.
    TF_DataType dtype;
    Shape shape;
    std::string op;
    TF_Output half = {nullptr, 0};  // The same in fewer bits, where there is one.
    bool madeInHalf = false;
    bool timesWeights = false;  // Weights are multiplied with it in fewer bits.
  };

  Symbol &symbolOf(int64_t id);
  TF_Output outputOf(Symbol &symbol);
  TF_Output halfOf(Symbol &symbol);
  TF_Output cast(TF_Output from, TF_DataType to);
  bool goesOnInHalf(const OpCall &call);
  bool isOfWeights(const OpCall &call);
  std::vector<size_t> cellsOf(const std::vector<Update> &updates) const;
  TF_Operation *put(const Update &update, size_t cell);
  std::vector<TF_Operation *> body(const std::vector<TF_Output> &inputs, const std::vector<size_t> &cells) const;
  Symbol placeholder(TF_DataType dtype, const Shape &shape);
  Symbol constant(TFE_TensorHandle *handle);
  TF_Output constant(TF_Tensor *tensor);
  void addInputs(TF_OperationDescription *node, const OpCall &call, const OpDefinition &definition,
                 const std::vector<TF_Output> &inputs);
  // Throws what is wrong with a call, with its inputs.
  [[noreturn]] void refuse(const OpCall &call, const std::string &message, std::string code = "") const;
  std::vector<TensorMetadata> outputsOf(TF_Operation *node, const OpCall &call, bool half);
  void inferVariable(TF_Operation *node, const OpCall &call);
  const OpDefinition &definitionOf(const std::string &op);
  std::string nodeName(const std::string &op);

  const Context &context_;
  Tensors &tensors_;
  const int64_t firstTensor_;
  int64_t nextSymbol_;
  Graph graph_{TF_NewGraph()};
  std::unordered_map<int64_t, Symbol> symbols_;
  // Those of input(), which finish() finds even where JavaScript has disposed of them.
  std::unordered_map<int64_t, TF_Output> inputs_;
  // Those of variable() among them, whose places are their cells.
  std::vector<int64_t> variables_;
  TF_Output cells_{nullptr, 0};
  // Tensors with values that the trace met: constants where they were made within it, else captured inputs.
  std::unordered_map<int64_t, Symbol> met_;
  std::vector<int64_t> captured_;
  // Small constants by type, shape and bytes: a step meets the same axes, shapes and factors thousands of times.
  std::unordered_map<std::string, TF_Output> constants_;
  struct Made {
    Attributes attributes;
    TF_Operation *node;
  };
  // Nodes of ops without effects, by op and inputs: gradients and plugins compute many things that are there already.
  std::unordered_map<std::string, std::vector<Made>> made_;
  std::map<std::string, OpDefinition> definitions_;
  ControlOrder order_;
  int64_t nodes_ = 0;
  std::string scope_;
  TF_DataType floats_ = TF_FLOAT;
  TraceStats stats_;
};

}  // namespace kd
#endif
