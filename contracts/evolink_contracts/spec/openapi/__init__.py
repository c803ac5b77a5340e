"""The facts as an OpenAPI 3.1 document. Nothing reads it back: the rows stay the only source."""

from evolink_contracts.spec.openapi.document import render_openapi as render_openapi
