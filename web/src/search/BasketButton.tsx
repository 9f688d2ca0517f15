// Puts a picture into the basket, or takes it out.

import type { Basket, Gathered } from "./basket/basket";
import { Icon } from "./Icon";
import { t } from "./messages";

interface Props {
  basket: Basket;
  picture: Gathered;
  title: string;
}

export function BasketButton({ basket, picture, title }: Props) {
  const isIn = basket.has(picture.image);
  return (
    <button
      type="button"
      class="basket-button"
      aria-pressed={isIn}
      aria-label={t("basket.add", { title })}
      title={isIn ? t("basket.inShort") : t("basket.addShort")}
      onClick={() => basket.toggle(picture)}
    >
      <Icon name={isIn ? "check" : "add"} />
    </button>
  );
}
