"""What a class declares, read from its source. Nothing is imported, so errors are found before torch is imported."""

import ast
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from vaerun.config.constructor import Range, ranges_of
from vaerun.config.source_index import FOREIGN, Definition, Module, locate


@dataclass(frozen=True)
class Parameter:
    """One parameter of a constructor; ``annotation`` is its source text, or empty."""

    annotation: str
    required: bool


@dataclass(frozen=True)
class ClassInfo:
    """The declarations of a class or function.

    ``ancestry`` holds the dotted names of the class and all its bases. ``attributes`` holds the values of the class
    bodies, also inherited ones: literals as they are, names and tuples of names as dotted names, None if a name is only
    annotated. ``accepts_any`` is true if it takes ``**kwargs``. ``abstract`` holds the methods that the class and its
    bases declare but do not define. ``ranges`` holds the rules of ``vaerun.config.ranges`` that the constructor applies
    to its parameters. For an object, classes in ``attributes`` are the classes themselves.
    """

    target: str
    summary: str = ""
    reference: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    accepts_any: bool = False
    ancestry: tuple[str, ...] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)
    abstract: frozenset[str] = frozenset()
    ranges: tuple[Range, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the dotted name."""
        return self.target.rpartition(".")[2]

    def classes(self, attribute: str) -> tuple["ClassInfo", ...]:
        """The classes in an attribute that holds one class or a tuple of classes; empty otherwise."""
        value = self.attributes.get(attribute)
        return tuple(map(_named, value if isinstance(value, tuple) else () if value is None else (value,)))

    def declared(self, attribute: str) -> tuple[str, ...]:
        """The same as dotted names."""
        return tuple(info.target for info in self.classes(attribute))


def _named(value: object) -> ClassInfo:
    """The info of a class or of its dotted name; without bases and attributes if it cannot be found."""
    if isinstance(value, type):
        return info_of_type(value)
    try:
        return class_info(str(value))
    except LookupError:
        return ClassInfo(str(value))


def class_info(target: str) -> ClassInfo:
    """The info of the class or function with the dotted name ``target``, read from source.

    Raises:
        LookupError: the name does not exist, or has no source file.
    """
    found = locate(target)
    if found is None:
        raise LookupError(target)
    return _info(target, *found)


@cache
def _info(target: str, module: Module, node: Definition) -> ClassInfo:
    summary, reference = _described(ast.get_docstring(node) or "")
    if isinstance(node, ast.FunctionDef):
        parameters, accepts_any = _signature(node.args, skip=0)
        return ClassInfo(target, summary, reference, parameters, accepts_any)
    body = _Body(module, node)
    return ClassInfo(
        target,
        summary,
        reference,
        body.parameters,
        body.accepts_any,
        tuple(body.ancestry),
        body.attributes,
        frozenset(name for name, defined in body.methods.items() if not defined),
        ranges_of(module, node),
    )


def info_of_object(thing: Any) -> ClassInfo:
    """The info of the class of an object, with the attribute values of the object."""
    info = info_of_type(type(thing))
    own = {name: value for name, value in getattr(thing, "__dict__", {}).items() if name in info.attributes}
    return dataclasses.replace(info, attributes={**info.attributes, **own})


def info_of_type(kind: type) -> ClassInfo:
    """The info of an imported class, without constructor and docstring."""
    attributes: dict[str, object] = {}
    for base in reversed(kind.__mro__):
        attributes |= dict.fromkeys(vars(base).get("__annotations__", {}).keys() - attributes.keys())
        attributes |= {name: value for name, value in vars(base).items() if not name.startswith("__")}
    return ClassInfo(
        f"{kind.__module__}.{kind.__qualname__}",
        ancestry=tuple(f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__),
        attributes=attributes,
        abstract=frozenset(getattr(kind, "__abstractmethods__", ())),
    )


class _Body:
    """A class and all its bases, approximately in Python's method resolution order."""

    def __init__(self, module: Module, node: ast.ClassDef) -> None:
        self.ancestry: dict[str, None] = {f"{module.name}.{node.name}": None}
        self.attributes: dict[str, object] = {}
        self.parameters: dict[str, Parameter] = {}
        self.methods: dict[str, bool] = {}  # True if it is defined, False if it is only declared abstract
        self.accepts_any = False
        for base in reversed(node.bases):
            self._inherit(module.dotted(base))
        fields = {}
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                name, annotation = statement.target.id, ast.unparse(statement.annotation)
                self.attributes[name] = module.value(statement.value)
                if "ClassVar" not in annotation:
                    fields[name] = Parameter(annotation, statement.value is None)
            elif isinstance(statement, ast.Assign):
                names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
                self.attributes |= dict.fromkeys(names, module.value(statement.value))
            elif isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                self.parameters, self.accepts_any = _signature(statement.args, skip=1)
            if isinstance(statement, ast.FunctionDef):
                decorated = [ast.unparse(decorator) for decorator in statement.decorator_list]
                self.methods[statement.name] = not any("abstractmethod" in word for word in decorated)
        decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
        if any("dataclass" in decorator for decorator in decorators) or "typing.NamedTuple" in self.ancestry:
            self.parameters |= fields

    def _inherit(self, base: str) -> None:
        found = None if base.partition(".")[0] in FOREIGN else locate(base)
        if found is None or isinstance(found[1], ast.FunctionDef):
            self.ancestry[base] = None
            return
        above = _Body(found[0], found[1])
        self.ancestry |= above.ancestry
        # An annotation without a value does not hide a value of another base.
        self.attributes |= {k: v for k, v in above.attributes.items() if v is not None or k not in self.attributes}
        # A definition in any base is enough, because bases declare methods of other bases abstract.
        self.methods |= {name: defined or self.methods.get(name, False) for name, defined in above.methods.items()}
        if above.parameters or above.accepts_any:
            self.parameters, self.accepts_any = above.parameters, above.accepts_any


def _signature(args: ast.arguments, *, skip: int) -> tuple[dict[str, Parameter], bool]:
    positional = [*args.posonlyargs, *args.args]
    required = [True] * (len(positional) - len(args.defaults)) + [False] * len(args.defaults)
    pairs = list(zip(positional, required, strict=True))[skip:]
    pairs += [(arg, default is None) for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    parameters = {a.arg: Parameter(ast.unparse(a.annotation) if a.annotation else "", need) for a, need in pairs}
    return parameters, args.kwarg is not None


def _described(doc: str) -> tuple[str, str]:
    """The first paragraph of a docstring and its "Reference: …" paragraph, each on one line."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in doc.split("\n\n")]
    references = [p.removeprefix("Reference: ") for p in paragraphs if p.startswith("Reference: ")]
    return paragraphs[0], references[-1] if references else ""
