/** What one source file imports and which names with effects it uses, by TypeScript's own parser. */
import ts from 'typescript';

export interface Import {
  /** As written: `../errors.js`, `node:fs`. */
  readonly from: string;
  readonly typeOnly: boolean;
  /** The names taken, `type Name` where only the type is; [] for all of it. */
  readonly names: readonly string[];
  readonly line: number;
}

export interface Use {
  /** `process.kill`, `Date.now`, `new Date`, `Math.random`, `async`. */
  readonly name: string;
  readonly line: number;
}

export interface Source {
  readonly imports: readonly Import[];
  readonly uses: readonly Use[];
}

const CLOCKS = new Set(['Date.now', 'Math.random', 'performance.now', 'crypto.randomUUID', 'crypto.getRandomValues']);

function importOf(node: ts.Node, line: number): Import | null {
  if (ts.isImportDeclaration(node)) {
    const clause = node.importClause;
    const bindings = clause?.namedBindings;
    const names = bindings && ts.isNamedImports(bindings) ? bindings.elements : [];
    const words = names.map((name) => `${name.isTypeOnly ? 'type ' : ''}${(name.propertyName ?? name.name).text}`);
    const allTypes = names.length > 0 && !clause?.name && names.every((name) => name.isTypeOnly);
    const typeOnly = clause?.phaseModifier === ts.SyntaxKind.TypeKeyword || allTypes;
    return { from: (node.moduleSpecifier as ts.StringLiteral).text, typeOnly, names: words, line };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
    return { from: (node.moduleSpecifier as ts.StringLiteral).text, typeOnly: node.isTypeOnly, names: [], line };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
    return { from: node.argument.literal.text, typeOnly: true, names: [], line };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [what] = node.arguments;
    // A computed import could be anything: it is no import that the table knows.
    return { from: what && ts.isStringLiteralLike(what) ? what.text : '(computed)', typeOnly: false, names: [], line };
  }
  return null;
}

function useOf(node: ts.Node): string | null {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const name = `${node.expression.text}.${node.name.text}`;
    if (node.expression.text === 'process' || CLOCKS.has(name)) return name;
    if (node.expression.text === 'globalThis') return useOfGlobal(node.name.text);
  }
  // `process` where it is a value of its own: `const { env } = process`, `f(process)`.
  if (ts.isIdentifier(node) && node.text === 'process' && ts.isExpression(node) && isValue(node)) return 'process';
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length) return 'new Date';
  if (ts.isCallExpression(node) && node.expression.getText() === 'Date') return 'Date()';
  if (ts.isAwaitExpression(node)) return 'async';
  if (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some((one) => one.kind === ts.SyntaxKind.AsyncKeyword))
    return 'async';
  return null;
}

const useOfGlobal = (name: string): string | null =>
  ['process', 'Date', 'Math', 'performance', 'crypto'].includes(name) ? name : null;

function isValue(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isVariableDeclaration(parent)) return parent.initializer === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (ts.isBinaryExpression(parent) || ts.isSpreadElement(parent) || ts.isReturnStatement(parent)) return true;
  return ts.isCallExpression(parent) && parent.arguments.includes(node);
}

export function parse(path: string, text: string): Source {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
  const imports: Import[] = [];
  const uses: Use[] = [];
  // A parameter or constant of that name is no global of Node's.
  const ownProcess = /\b(?:const|let|function|import) (?:\{[^}]*\b)?process\b|[(,]\s*process\s*[:,)]/.test(text);
  const visit = (node: ts.Node): void => {
    const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    const found = importOf(node, line);
    if (found) imports.push(found);
    const name = useOf(node);
    if (name && !(ownProcess && name.startsWith('process'))) uses.push({ name, line });
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { imports, uses };
}
