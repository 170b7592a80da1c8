// A traced graph in a session of its own, which tells when each of its nodes ran. A function does not tell that.
#ifndef KD_TIMED_GRAPH_H_
#define KD_TIMED_GRAPH_H_
#include <cstdint>
#include <string>
#include <vector>

#include "context.h"
#include "op_call.h"
#include "tensors.h"

namespace kd {

// Inputs and outputs of a function, and the ops with effects that run last.
struct GraphEnds {
  std::vector<TF_Output> inputs;
  std::vector<TF_Output> outputs;
  std::vector<TF_Operation *> last;
};

class TimedGraph {
 public:
  TimedGraph(const Context &context, Graph graph, GraphEnds ends);

  struct Ran {
    std::vector<TensorMetadata> outputs;
    std::string metadata;  // A serialized RunMetadata.
  };
  Ran run(Tensors &tensors, const std::vector<int64_t> &inputs) const;

 private:
  static void close(TF_Session *session);
  // The place of an input that is handed out as it is, which a session refuses to fetch; -1 for what is computed.
  int inputOf(const TF_Output &output) const;

  Graph graph_;
  GraphEnds ends_;
  std::vector<TF_Output> fetched_;
  Owned<TF_Session, close> session_;
};

}  // namespace kd
#endif
