import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An application on the JDK alone: it uploads an image, has a video made of it, polls, downloads the result and
 * receives the callback. Its HTTP client is the default one, which offers HTTP/2 with its first request.
 *
 * <p>It prints the port of its receiver, reads the URL of the service, and prints one line for each step.
 */
public class PostcardService {
    private static final String CALLBACK = "https://app.example.com/hooks/video";

    private final HttpClient http = HttpClient.newHttpClient();
    private final String service;
    private final String key;

    PostcardService(String service, String key) {
        this.service = service;
        this.key = key;
    }

    public static void main(String[] arguments) throws Exception {
        LinkedBlockingQueue<String> callbacks = new LinkedBlockingQueue<>();
        HttpServer receiver = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        receiver.createContext("/hooks/video", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
            callbacks.add(new String(body, StandardCharsets.UTF_8));
        });
        receiver.start();
        try {
            System.out.println(receiver.getAddress().getPort());
            String url = new BufferedReader(new InputStreamReader(System.in)).readLine();
            new PostcardService(url, arguments[0]).run(Path.of(arguments[1]), callbacks);
        } finally {
            receiver.stop(0);
        }
    }

    private void run(Path image, LinkedBlockingQueue<String> callbacks) throws Exception {
        String uploaded = field("file_url", upload(image));
        String task = field("id", create("A cat, café", uploaded));
        String body = poll(task);
        System.out.println("status " + field("status", body));
        byte[] video = download(first("\"results\":\\[\"([^\"]+)\"", body));
        System.out.println("video " + new String(video, 4, 4, StandardCharsets.US_ASCII));
        String callback = callbacks.poll(30, TimeUnit.SECONDS);
        System.out.println("callback " + (callback != null && field("id", callback).equals(task)));
    }

    private String upload(Path image) throws Exception {
        String boundary = "----a-boundary";
        String head = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"cat.jpg\"\r\n"
                + "Content-Type: image/jpeg\r\n\r\n";
        BodyPublisher body = BodyPublishers.ofByteArrays(
                List.of(head.getBytes(), Files.readAllBytes(image), ("\r\n--" + boundary + "--\r\n").getBytes()));
        return send(request("/api/v1/files/upload/stream")
                .header("Content-Type", "multipart/form-data; boundary=" + boundary)
                .POST(body));
    }

    private String create(String prompt, String image) throws Exception {
        String body = String.format(
                "{\"model\":\"wan2.6-image-to-video-flash\",\"prompt\":\"%s\",\"image_urls\":[\"%s\"],\"callback_url\":\"%s\"}",
                prompt, image, CALLBACK);
        return send(request("/v1/videos/generations")
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body)));
    }

    private String poll(String task) throws Exception {
        for (int left = 100; left > 0; left--) {
            String body = send(request("/v1/tasks/" + task));
            String status = field("status", body);
            if (status.equals("completed") || status.equals("failed")) {
                return body;
            }
        }
        throw new IllegalStateException("the task does not end");
    }

    private byte[] download(String link) throws Exception {
        return http.send(HttpRequest.newBuilder(URI.create(link)).build(), BodyHandlers.ofByteArray()).body();
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(service + path)).header("Authorization", "Bearer " + key);
    }

    private String send(HttpRequest.Builder request) throws Exception {
        HttpResponse<String> response = http.send(request.build(), BodyHandlers.ofString());
        if (response.statusCode() != 200) {
            throw new IllegalStateException(response.statusCode() + " " + response.body());
        }
        return response.body();
    }

    private static String field(String name, String json) {
        return first("\"" + name + "\":\"([^\"]+)\"", json);
    }

    private static String first(String pattern, String text) {
        Matcher found = Pattern.compile(pattern).matcher(text);
        if (!found.find()) {
            throw new IllegalStateException("no " + pattern + " in " + text);
        }
        return found.group(1);
    }
}
