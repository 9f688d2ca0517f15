//! The IIIF Image API server for a folder.

use crate::support;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use clip_search::http::iiif::iiif_router;
use serde_json::Value;
use std::fs;
use tempfile::TempDir;
use tower::ServiceExt;

fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let images = dir.path().join("images");
    fs::create_dir_all(images.join("sub folder")).unwrap();
    support::picture(1, 120, 80)
        .save(images.join("a.png"))
        .unwrap();
    support::picture(2, 40, 90)
        .save(images.join("sub folder/ü.jpg"))
        .unwrap();
    image::RgbaImage::from_pixel(8, 8, image::Rgba([255, 0, 0, 0]))
        .save(images.join("clear.png"))
        .unwrap();
    fs::write(images.join("broken.jpg"), "no image").unwrap();
    fs::write(images.join("notes.txt"), "private").unwrap();
    fs::write(images.join(".hidden.png"), "private").unwrap();
    support::picture(3, 8, 8)
        .save(dir.path().join("outside.png"))
        .unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(dir.path().join("outside.png"), images.join("link.png")).unwrap();
    dir
}

fn server(dir: &TempDir) -> Router {
    iiif_router(
        dir.path().join("images"),
        Some("http://img.example.org/base/".to_owned()),
    )
}

async fn get_with(router: &Router, path: &str, accept: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    let request = Request::get(path)
        .header(header::ACCEPT, accept)
        .header(header::ORIGIN, "http://viewer.example.org")
        .body(Body::empty())
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    (
        parts.status,
        parts.headers,
        axum::body::to_bytes(body, usize::MAX)
            .await
            .unwrap()
            .to_vec(),
    )
}

async fn get(router: &Router, path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    get_with(router, path, "*/*").await
}

#[tokio::test]
async fn info_json_says_what_the_server_can_do() {
    let dir = folder();
    let router = server(&dir);
    let (status, headers, body) = get(&router, "/sub%20folder%2F%C3%BC.jpg/info.json").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let info: Value = serde_json::from_slice(&body).unwrap();
    for (key, expected) in [
        ("@context", "http://iiif.io/api/image/3/context.json"),
        (
            "id",
            "http://img.example.org/base/sub%20folder%2F%C3%BC.jpg",
        ),
        ("type", "ImageService3"),
        ("protocol", "http://iiif.io/api/image"),
        ("profile", "level1"),
    ] {
        assert_eq!(info[key], expected);
    }
    assert_eq!((&info["width"], &info["height"]), (&40.into(), &90.into()));
    // Each size is one that a request gets.
    for size in info["sizes"].as_array().unwrap() {
        let (w, h) = (&size["width"], &size["height"]);
        let (status, _, body) = get(
            &router,
            &format!("/sub%20folder%2F%C3%BC.jpg/full/{w},{h}/0/default.jpg"),
        )
        .await;
        assert_eq!(status, StatusCode::OK);
        let image = image::load_from_memory(&body).unwrap();
        assert_eq!(
            (image.width(), image.height()),
            (
                u32::try_from(w.as_u64().unwrap()).unwrap(),
                u32::try_from(h.as_u64().unwrap()).unwrap()
            )
        );
    }
    let (_, headers, _) = get_with(&router, "/a.png/info.json", "application/ld+json").await;
    assert!(
        headers[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("application/ld+json")
    );
    for path in ["/a.png", "/a.png/"] {
        let (status, headers, _) = get(&router, path).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert_eq!(
            headers[header::LOCATION],
            "http://img.example.org/base/a.png/info.json"
        );
    }
}

#[tokio::test]
async fn images_are_cut_scaled_turned_and_greyed() {
    let dir = folder();
    let router = server(&dir);
    let source = support::picture(1, 120, 80);
    let image = async |request: &str| {
        let (status, _, body) = get(&router, &format!("/a.png/{request}")).await;
        assert_eq!(
            status,
            StatusCode::OK,
            "{request}: {}",
            String::from_utf8_lossy(&body)
        );
        image::load_from_memory(&body).unwrap()
    };
    assert_eq!(image("full/max/0/default.png").await.to_rgb8(), source);
    assert_eq!(image("full/full/0/color.png").await.to_rgb8(), source);
    assert_eq!(
        image("10,20,30,40/max/0/default.png").await.to_rgb8(),
        image::imageops::crop_imm(&source, 10, 20, 30, 40).to_image()
    );
    assert_eq!(
        image("full/max/90/default.png").await.to_rgb8(),
        image::imageops::rotate90(&source)
    );
    assert_eq!(
        image("full/max/!0/default.png").await.to_rgb8(),
        image::imageops::flip_horizontal(&source)
    );
    // Mirrored first, then turned.
    assert_eq!(
        image("full/max/!90/default.png").await.to_rgb8(),
        image::imageops::rotate90(&image::imageops::flip_horizontal(&source))
    );
    let grey = image("square/20,/0/gray.jpg").await;
    assert_eq!(
        (grey.width(), grey.height(), grey.color()),
        (20, 20, image::ColorType::L8)
    );
    let half = image("full/pct:50/0/default.jpg").await;
    assert_eq!((half.width(), half.height()), (60, 40));
    let (_, headers, body) = get(&router, "/clear.png/full/max/0/default.jpg").await;
    assert_eq!(headers[header::CONTENT_TYPE], "image/jpeg");
    let paper = image::load_from_memory(&body).unwrap().to_rgb8();
    assert!(
        paper.get_pixel(4, 4).0.iter().all(|c| *c > 250),
        "transparent is white"
    );
}

#[tokio::test]
async fn errors_have_the_status_of_the_specification() {
    let dir = folder();
    let router = server(&dir);
    for (path, expected) in [
        ("/a.png/full/max/45/default.jpg", 400),
        ("/a.png/full/max/0/default.webp", 400),
        ("/a.png/500,0,10,10/max/0/default.jpg", 400),
        ("/a.png/full/121,/0/default.jpg", 400),
        ("/a.png/full/^121,/0/default.jpg", 501),
        ("/none.png/full/max/0/default.jpg", 404),
        ("/none.png/info.json", 404),
        ("/none.png", 404),
        ("/broken.jpg/info.json", 500),
        ("/broken.jpg/full/max/0/default.jpg", 500),
        ("/a.png/more", 404),
        ("/%ff.png", 400),
    ] {
        let (status, headers, _) = get(&router, path).await;
        assert_eq!(status.as_u16(), expected, "{path}");
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{path}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn nothing_outside_the_folder_is_reached() {
    let dir = folder();
    let router = server(&dir);
    let outside = dir.path().join("outside.png");
    let absolute = outside.to_str().unwrap().replace('/', "%2F");
    for id in [
        "..%2Foutside.png",
        "sub%20folder%2F..%2F..%2Foutside.png",
        &absolute,
        "%2e%2e%2Foutside.png",
        "..%5Coutside.png",
        "link.png",
        "notes.txt",
        ".hidden.png",
        "a.png%00",
        "sub%20folder",
        ".",
        "..",
    ] {
        for path in [
            format!("/{id}/info.json"),
            format!("/{id}/full/max/0/default.png"),
        ] {
            let (status, ..) = get(&router, &path).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        }
    }
}

#[tokio::test]
async fn lists_name_every_image() {
    let dir = folder();
    let router = server(&dir);
    let (_, headers, body) = get(&router, "/images.csv").await;
    assert_eq!(headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    assert_eq!(
        String::from_utf8(body).unwrap(),
        "iiif_url,title\n\
         http://img.example.org/base/a.png,a\n\
         http://img.example.org/base/broken.jpg,broken\n\
         http://img.example.org/base/clear.png,clear\n\
         http://img.example.org/base/sub%20folder%2F%C3%BC.jpg,ü\n"
    );
    let (_, _, body) = get(&router, "/").await;
    let list: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        list[3]["iiif_url"],
        "http://img.example.org/base/sub%20folder%2F%C3%BC.jpg"
    );
    assert_eq!(list.as_array().unwrap().len(), 4);
    // Without a base URL, the name under which the server was called.
    let request = Request::get("/")
        .header(header::HOST, "localhost:8182")
        .body(Body::empty());
    let router = iiif_router(dir.path().join("images"), None);
    let response = router.oneshot(request.unwrap()).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    let list: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(list[0]["iiif_url"], "http://localhost:8182/a.png");
    let empty = tempfile::tempdir().unwrap();
    let (_, _, body) = get(&iiif_router(empty.path().to_owned(), None), "/images.csv").await;
    assert_eq!(body, b"iiif_url,title\n");
}

/// A photograph that its camera stored on its side: sizes and regions are those of what is shown.
#[tokio::test]
async fn a_photograph_is_served_upright() {
    let dir = folder();
    // Shown 40 wide and 60 high: red above, blue below.
    let stored = image::RgbImage::from_fn(60, 40, |x, _| match x < 30 {
        true => image::Rgb([255, 0, 0]),
        false => image::Rgb([0, 0, 255]),
    });
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let file = crate::encoder::upright::jpeg(&stored, exif);
    fs::write(dir.path().join("images/phone.jpg"), file).unwrap();
    let server = server(&dir);
    let (status, _, body) = get_with(&server, "/phone.jpg/info.json", "*/*").await;
    assert_eq!(status, StatusCode::OK);
    let info: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&info["width"], &info["height"]), (&40.into(), &60.into()));
    for (path, size, colour) in [
        ("full/max/0/default.png", (40, 60), [255, 0, 0]),
        ("0,0,40,20/max/0/default.png", (40, 20), [255, 0, 0]),
        ("0,40,40,20/max/0/default.png", (40, 20), [0, 0, 255]),
        ("full/20,/0/default.jpg", (20, 30), [255, 0, 0]),
    ] {
        let (status, _, body) = get_with(&server, &format!("/phone.jpg/{path}"), "*/*").await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let image = image::load_from_memory(&body).unwrap().to_rgb8();
        assert_eq!(image.dimensions(), size, "{path}");
        let pixel = image.get_pixel(size.0 / 2, 2).0;
        let is_near = pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 30);
        assert!(is_near, "{path}: {pixel:?}");
    }
}

/// Each tile that a viewer makes of what info.json says.
#[tokio::test]
async fn the_tiles_of_info_json_are_there() {
    let dir = folder();
    let source = support::picture(4, 1300, 700);
    source.save(dir.path().join("images/large.png")).unwrap();
    let router = server(&dir);
    let (_, _, body) = get(&router, "/large.png/info.json").await;
    let info: Value = serde_json::from_slice(&body).unwrap();
    let tiles = &info["tiles"][0];
    assert_eq!(tiles["scaleFactors"], serde_json::json!([1, 2, 4]));
    assert_eq!(
        (&tiles["width"], &tiles["height"]),
        (&512.into(), &512.into())
    );
    let mut n_tiles = 0;
    for factor in [1u32, 2, 4] {
        let step = 512 * factor;
        for (x, y) in (0..1300_u32.div_ceil(step))
            .flat_map(|x| (0..700_u32.div_ceil(step)).map(move |y| (x, y)))
        {
            let (x, y) = (x * step, y * step);
            let (width, height) = (step.min(1300 - x), step.min(700 - y));
            let (out_width, out_height) = (width.div_ceil(factor), height.div_ceil(factor));
            let tile = format!(
                "/large.png/{x},{y},{width},{height}/{out_width},{out_height}/0/default.png"
            );
            let (status, _, body) = get(&router, &tile).await;
            assert_eq!(status, StatusCode::OK, "{tile}");
            let image = image::load_from_memory(&body).unwrap().to_rgb8();
            assert_eq!(image.dimensions(), (out_width, out_height), "{tile}");
            if factor == 1 {
                let expected = image::imageops::crop_imm(&source, x, y, width, height);
                assert_eq!(image, expected.to_image(), "{tile}");
            }
            n_tiles += 1;
        }
    }
    assert_eq!(n_tiles, 6 + 2 + 1);
    // One tile is enough for a small one.
    let (_, _, body) = get(&router, "/a.png/info.json").await;
    let info: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(info["tiles"][0]["scaleFactors"], serde_json::json!([1]));
}

/// A picture is decoded once: what its file holds afterwards is seen when its time changes, and not before.
#[tokio::test]
async fn a_picture_is_kept_until_its_file_changes() {
    let dir = folder();
    let path = dir.path().join("images/kept.bmp");
    support::picture(1, 60, 40).save(&path).unwrap();
    let time = path.metadata().unwrap().modified().unwrap();
    let router = server(&dir);
    let tile = "/kept.bmp/0,0,30,30/max/0/default.png";
    let (_, _, first) = get(&router, tile).await;
    // Of the same length.
    support::picture(2, 60, 40).save(&path).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(time).unwrap();
    assert_eq!(get(&router, tile).await.2, first);
    file.set_modified(time + std::time::Duration::from_millis(10))
        .unwrap();
    let (status, _, second) = get(&router, tile).await;
    assert_eq!(status, StatusCode::OK);
    assert_ne!(second, first);
    fs::write(&path, "no image").unwrap();
    assert_eq!(
        get(&router, tile).await.0,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    fs::remove_file(&path).unwrap();
    assert_eq!(get(&router, tile).await.0, StatusCode::NOT_FOUND);
}
