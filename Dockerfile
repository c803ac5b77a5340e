FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/evolink
RUN /opt/evolink/bin/python -m pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY contracts contracts
COPY mockserver mockserver
COPY client client
RUN /opt/evolink/bin/python -m pip install --no-cache-dir --no-deps .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home evolink
COPY --from=build /opt/evolink /opt/evolink
USER 10001
ENV EVOLINK_MOCK_HOST=0.0.0.0 EVOLINK_MOCK_PORT=8080 PYTHONUNBUFFERED=1
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["/opt/evolink/bin/evolink-mock", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/evolink/bin/evolink-mock"]
CMD ["serve"]
