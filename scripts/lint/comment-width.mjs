// A rule of oxlint: the formatter breaks code at this width, but no comments.
const WIDTH = 120;

const rule = {
  create: (context) => ({
    Program() {
      const { lines } = context.sourceCode;
      for (const { loc } of context.sourceCode.getAllComments())
        for (let line = loc.start.line; line <= loc.end.line; line++)
          if (lines[line - 1].length > WIDTH)
            context.report({
              loc: { start: { line, column: WIDTH }, end: { line, column: lines[line - 1].length } },
              message: `This line has ${lines[line - 1].length} columns; ${WIDTH} are the most.`,
            });
    },
  }),
};

export default { meta: { name: 'kd' }, rules: { 'comment-width': rule } };
